"""The Pythons that the project runs on: named alike everywhere, found by make, and with wheels."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ["3.11", "3.12", "3.13"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKE = str(shutil.which("make"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# Published as source alone: pure Python, so that pip needs no compiler for it.
NO_WHEEL = {"pyspark"}


def pins(name: str) -> dict[str, str]:
    """Package and version of each line of a requirements file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("#")[0].strip().split("==") for line in lines]
    return {re.sub("[_.]", "-", pin[0].lower()): pin[1] for pin in found if pin != [""]}


def test_every_file_names_the_same_versions() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS
    (pythons,) = re.findall(r"^PYTHONS := (.*)$", MAKEFILE, re.MULTILINE)
    assert pythons.split() == PYTHONS[::-1]
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.14"
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"python:?(3\.\d+)", dockerfile)) == {"3.11"}


def test_ruff_holds_the_code_to_the_oldest() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-settings", "common/errors.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "linter.unresolved_target_version = 3.11\n" in shown.stdout


def test_the_image_has_the_versions_that_were_tested() -> None:
    tested = pins("requirements.txt")
    image = pins("requirements_docker.txt")
    assert len(image) > 20
    assert {name: tested.get(name) for name in image} == image


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """An otherwise empty folder for PATH, with what `make --dry-run env` starts."""
    for name in ("bash", "date"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def env_commands(folder: Path, *variables: str) -> str:
    """What `make env` would run where PATH is ``folder`` alone."""
    done = subprocess.run(
        [MAKE, "--dry-run", "env", f"VENV={folder}/venv", *variables],
        cwd=ROOT, env={"PATH": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_make_takes_the_newest_python_that_runs(programs: Path) -> None:
    program(programs, "python3.13", "exit 127")  # as a shim of a version that is not active
    program(programs, "python3.12", "exit 0")
    program(programs, "python3.11", "exit 0")
    commands = env_commands(programs)
    assert f"python3.12 -m venv --clear {programs}/venv" in commands
    assert f"{programs}/venv/bin/python -m pip install" in commands


def test_make_leaves_installing_to_uv_where_there_is_one(programs: Path) -> None:
    program(programs, "python3", "exit 0")
    program(programs, "uv", "exit 1")
    commands = env_commands(programs, "TORCH_INDEX=https://index.test/cpu")
    assert f"uv venv --quiet --seed --python python3 --clear {programs}/venv" in commands
    install = f"uv pip install --quiet --python {programs}/venv/bin/python"
    assert f"{install} --no-deps --index-url https://index.test/cpu" in commands
    assert f"{install} -r requirements.txt" in commands
    assert "-m pip" not in commands


def test_uv_fetches_a_python_where_none_is_in_range(programs: Path) -> None:
    program(programs, "python3", "exit 1")
    asked = "python install --quiet 3.13|python find --system 3.13|"
    answer = '[ "$2" = install ] || echo /fetched/python3.13'
    program(programs, "uv", f'printf "%s|" "$*" >> {programs}/asked; {answer}')
    assert "--python /fetched/python3.13 --clear" in env_commands(programs)
    assert (programs / "asked").read_text(encoding="utf-8") == asked


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ([], "env: no Python 3.11 to 3.13 at any name on PATH: install one, or uv"),
        (["SYSTEM_PYTHON=python3.10"], "env: no Python 3.11 to 3.13 at python3.10: install one"),
    ],
)
def test_make_says_what_to_do_where_no_python_is_in_range(
    programs: Path, variables: list[Any], shown: str
) -> None:
    program(programs, "python3.10", "exit 1")
    done = subprocess.run(
        [MAKE, "env", f"VENV={programs}/venv", *variables],
        cwd=ROOT, env={"PATH": str(programs)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(shown)


@pytest.mark.network
@pytest.mark.parametrize("requirements", ["requirements.txt", "requirements_docker.txt"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_has_a_wheel(
    python: str, machine: str, requirements: str, tmp_path: Path
) -> None:
    """pip finds each wheel; where the index serves no metadata it loads the files, 1 GB."""
    chosen = [f"{name}=={version}" for name, version in pins(requirements).items()]
    wanted = [pin for pin in chosen if pin.split("==")[0] not in NO_WHEEL]
    platforms = [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", "_2_27", "_2_28")]
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed",
            "--quiet", "--only-binary=:all:", f"--python-version={python}", *platforms,
            f"--target={tmp_path}", *wanted,
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
