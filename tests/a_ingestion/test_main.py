import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.config.ingestion import IngestionSettings

ROOT = Path(__file__).resolve().parents[2]


def command(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "a_ingestion", *args],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip


def test_help_lists_every_setting() -> None:
    shown = command("--help").stdout
    for name in IngestionSettings.model_fields:
        assert f"ingestion.{name}" in shown
    assert "longest field in MB" in shown


def test_lands_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\nhi\n\xff\n")
    done = command(
        "--set", f"run_dir={tmp_path}",
        "--set", "ingestion.source=csv",
        TRIAGE_INGESTION__CSV=str(tmp_path / "in.csv"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 rows in, 1 out, dropped: not UTF-8 1;" in done.stderr
    assert "1 of 2 records cannot be read and are in quarantine/" in done.stderr
    assert (tmp_path / "data/raw/manifest.json").is_file()


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("ingestion.source=ftp", 2, "ingestion.source = 'ftp' (from --set)"),
        ("ingestion.source=csv", 2, "source csv needs a file"),
        ("ingestion.csv=/no/such.csv", 1, "/no/such.csv does not exist"),
    ],
)
def test_one_line_for_what_the_user_can_mend(
    tmp_path: Path, setting: str, code: int, said: str
) -> None:
    csv = [] if setting.startswith("ingestion.source") else ["--set", "ingestion.source=csv"]
    done = command("--set", f"run_dir={tmp_path}", *csv, "--set", setting)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
