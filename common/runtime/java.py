"""The Java that Spark runs on: found, or fetched without root into .java/.

python -m common.runtime.java        what `make env` calls
"""

import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

from common.errors import TriageError
from common.log import configure_logging

ROOT = Path(__file__).resolve().parents[2]
JAVA_VERSIONS = (17, 21)
_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")  # bad ones stop any Java
_BY_HAND = (
    "apt-get update && apt-get install -y openjdk-17-jre-headless   (Debian, Ubuntu; as root), "
    "or point JAVA_HOME at a Java 17 or 21"
)
logger = logging.getLogger("common.runtime.java")


def find_java_home() -> Path:
    """The home of a Java 17 or 21: JAVA_HOME, then the one on PATH, then .java/.

    Raises:
        TriageError: if there is none.
    """
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parent.parent)
    candidates.extend(sorted(p.parent.parent for p in ROOT.glob(".java/**/bin/java")))
    found = []
    for home in candidates:
        version = java_version(home)
        if version in JAVA_VERSIONS:
            return home
        found.append(f"{home} {'does not run' if version is None else f'is Java {version}'}")
    options = [f"{name}={os.environ[name]}" for name in _OPTIONS if os.environ.get(name)]
    shown = f" ({', '.join(found + options)})" if found else ""
    raise TriageError(
        f"Spark needs Java 17 or 21, and none was found{shown}; `make env`, or: {_BY_HAND}"
    )


def java_version(home: Path) -> int | None:
    """Major version of the Java below ``home``; None where it does not run."""
    try:
        shown = subprocess.run(  # noqa: S603 the Java that was found
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', shown.stderr)
    return int(match.group(1)) if match else None


def install_java(folder: Path) -> Path:
    """Download a Java 17 runtime (Eclipse Temurin) into ``folder`` and return its home.

    Raises:
        TriageError: if the download fails, with the command that installs one by hand.
    """
    import jdk

    folder.mkdir(parents=True, exist_ok=True)
    logger.info("no Java 17 or 21 found; downloading a runtime into %s", folder)
    try:
        home = Path(jdk.install("17", jre=True, path=str(folder)))
    except (OSError, jdk.JdkError) as error:
        raise TriageError(
            f"cannot download Java ({type(error).__name__}); install it with: {_BY_HAND}"
        ) from None
    if java_version(home) not in JAVA_VERSIONS:
        raise TriageError(f"the Java downloaded to {home} does not run; install it: {_BY_HAND}")
    return home


def main() -> int:
    """Find a Java or fetch one; the exit code is 1 where neither works."""
    configure_logging()
    try:
        home = find_java_home()
    except TriageError:
        try:
            home = install_java(ROOT / ".java")
        except TriageError as error:
            logger.error("%s", error)
            return 1
    logger.debug("Java %s at %s", java_version(home), home)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
