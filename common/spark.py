"""The one way to start Spark: checked Java, memory from settings, UTC, quiet."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import TriageError
from common.schema import SparkSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parent.parent
JAVA_VERSIONS = (17, 21)


@contextmanager
def spark_session(settings: SparkSettings, *, app: str) -> "Iterator[SparkSession]":
    """A session that is stopped at the end, also after an error.

    Raises:
        TriageError: if no Java 17 or 21 is found.
    """
    os.environ["JAVA_HOME"] = str(find_java_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)

    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.appName(app)
        .master(settings.master)
        .config("spark.driver.memory", settings.driver_memory)
        .config("spark.sql.shuffle.partitions", settings.shuffle_partitions)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
        .config("spark.sql.warehouse.dir", str(ROOT / ".cache" / "warehouse"))
        .config("spark.log.level", "ERROR")
        .config("spark.driver.extraJavaOptions", "-Dlog4j2.level=ERROR")
    )
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def find_java_home() -> Path:
    """The home of a Java that Spark runs on: JAVA_HOME, then PATH, then .java/ (`make env`).

    Raises:
        TriageError: if there is none.
    """
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parent.parent)
    candidates.extend(sorted(p.parent.parent for p in ROOT.glob(".java/**/bin/java")))
    for home in candidates:
        if java_version(home) in JAVA_VERSIONS:
            return home
    raise TriageError(
        "Spark needs Java 17 or 21 and none was found; run `make env`, or install one "
        "(Debian, Ubuntu: apt-get install openjdk-17-jre-headless) and set JAVA_HOME"
    )


def java_version(home: Path) -> int | None:
    """Major version of the Java below ``home``; None where it does not run."""
    try:
        shown = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', shown.stderr)
    return int(match.group(1)) if match else None
