"""What a user writes after make reaches the programs as it is written."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.names import FILES

ROOT = Path(__file__).resolve().parents[1]
# Writes down what it was called with, in place of a Python.
STUB = f"""#!{sys.executable}
import json, os, sys
with open(os.path.join(os.path.dirname(__file__), "calls"), "a", encoding="utf-8") as calls:
    print(json.dumps([sys.argv[2:], dict(os.environ)]), file=calls)
"""
NAMES = [*FILES, "$(HOME) $$", "a\\#b\\\\", "a:=b", "0", "null"]


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(STUB)
    python.chmod(0o755)
    (tmp_path / "venv/.ready").touch()
    return python.parent.parent


def calls(venv: Path, *words: str, **environ: str) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """Arguments and environment of each module that a make runs."""
    subprocess.run(
        ["make", "--silent", f"VENV={venv}", "PROFILE=sample", *words],
        cwd=ROOT, env=os.environ | environ, check=True, timeout=60,
    )  # fmt: skip
    lines = (venv / "bin/calls").read_text(encoding="utf-8").splitlines()
    return {args[0]: (args[1:], env) for args, env in map(json.loads, lines) if args[0] != "-c"}


@pytest.mark.parametrize("name", NAMES)
def test_names_arrive_as_they_are_written(venv: Path, name: str) -> None:
    name = name.lstrip()  # make's own: no space at the start, on its command line
    given = [f"{key}={name}" for key in ("RUN_DIR", "CSV", "TEXT_COLUMN", "LABELS", "GOLD", "OUT")]

    called = calls(venv, "data_ingestion", *given)

    args, environ = called["a_ingestion"]
    assert args == []
    assert environ["TRIAGE_INGESTION__SOURCE"] == "csv"
    assert environ["TRIAGE_RUN_DIR"] == name
    assert environ["TRIAGE_INGESTION__CSV"] == name
    assert environ["TRIAGE_INGESTION__TEXT_COLUMN"] == name
    assert environ["TRIAGE_LABELS"] == name
    scored = calls(venv, "score", *given)["pipeline"][0]
    assert scored == ["score", f"--csv={name}", f"--out={name}"]
    evaluated = calls(venv, "evaluate", *given)["pipeline"][0]
    assert evaluated == ["evaluate", f"--gold={name}"]
    for target, variable, option in (
        ("backup", "TO", "--to"), ("restore", "FROM", "--from"), ("prune", "KEEP", "--keep"),
    ):  # fmt: skip
        args, environ = calls(venv, target, f"RUN_DIR={name}", f"{variable}={name}")[
            f"common.upkeep.{target}"
        ]
        assert (args, environ["TRIAGE_RUN_DIR"]) == ([f"{option}={name}"], name)
    args, environ = calls(venv, "pipeline", "FORCE=1", "TUNED=1", "LOG=quiet", *given)["pipeline"]
    assert args == ["--force", "--tuned"]
    assert (environ["TRIAGE_GATE__GOLD"], environ["TRIAGE_LOG"]) == (name, "quiet")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_environment_arrive_as_they_are_written(venv: Path, name: str) -> None:
    called = calls(venv, "train_model", RUN_DIR=name, GOLD=name, LABELS=name)
    environ = called["d_training"][1]
    assert {environ[f"TRIAGE_{key}"] for key in ("RUN_DIR", "GATE__GOLD", "LABELS")} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_clean_leaves_what_is_not_ours_with_and_without_an_environment(
    venv: Path, tmp_path: Path, name: str
) -> None:
    run_dir = tmp_path / name
    (run_dir / "data/raw").mkdir(parents=True)
    (run_dir / ".smoke").mkdir()
    (run_dir / "kept").touch()

    called = calls(venv, "clean", f"RUN_DIR={run_dir}")
    for module in ("e_apification.launch", "common.upkeep.clean"):
        assert called[module][1]["TRIAGE_RUN_DIR"] == str(run_dir)
    (venv / "bin/python").unlink()
    subprocess.run(["make", "clean", f"VENV={venv}", f"RUN_DIR={run_dir}"], cwd=ROOT, check=True)
    assert [path.name for path in run_dir.iterdir()] == ["kept"]


def test_nothing_given_is_nothing_set(venv: Path) -> None:
    environ = calls(venv, "data_ingestion", "RUN_DIR=", "CSV=")["a_ingestion"][1]
    assert environ["TRIAGE_RUN_DIR"] == "."
    assert not {"TRIAGE_INGESTION__SOURCE", "TRIAGE_INGESTION__CSV"} & set(environ)
