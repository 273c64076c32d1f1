"""The changelog's section of a version:     python3 .github/release_notes.py v1.2.3

Ends with 1 where the version is not that of pyproject.toml, or the changelog has no such section.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def release_notes(tag: str, *, root: Path = ROOT) -> str:
    """What stands below ``## 1.2.3 - 2026-12-01`` in CHANGELOG.md, up to the next version.

    Raises:
        ValueError: naming what is to be mended before the tag is set anew.
    """
    version = tag.removeprefix("v")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if version != project["version"]:
        raise ValueError(f"the tag says {version}, pyproject.toml says {project['version']}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    title = rf"## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n"
    section = re.search(rf"^{title}(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if section is None or not section.group(1).strip():
        raise ValueError(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD'")
    return section.group(1).strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(release_notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
