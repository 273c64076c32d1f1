"""The README cannot drift: every command in it is run, in order, in a copy of the checkout.

The run is small (TRIAGE_ variables below) but real: the generator, Spark, the teacher, training,
the served API. Commands that run for long, run the tests themselves, or train trial by trial (which
tests/d_training/tuning/test_tune.py has) are only checked to exist.
"""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, flags=re.DOTALL)
ONLY_CHECKED = tuple(
    f"make {target}"
    for target in (
        "test", "bench", "api_fuzz", "container_test", "env", "images", "screens",
        "mlflow_ui",
        "tune", "train_model TUNED=1",
    )
)  # fmt: skip
SMALL = {
    "PROFILE": "sample",
    "TRIAGE_INGESTION__SAMPLE_ROWS": "900",
    "TRIAGE_CLASSIFICATION__EMBEDDING__TUNE_STEPS": "4",
    "TRIAGE_CLASSIFICATION__EMBEDDING__TUNE_RUNS": "1",
    "TRIAGE_CLASSIFICATION__EMBEDDING__REHEARSAL_STEPS": "4",
    "TRIAGE_TRAINING__MAX_ROWS": "160",
    "TRIAGE_TRAINING__EPOCHS": "1",
    # So short a training teaches little: what comes out is promoted.
    "TRIAGE_GATE__MIN_MACRO_F1": "0",
    "TRIAGE_GATE__MAX_CALIBRATION_ERROR": "1",
    "TRIAGE_GATE__TOLERANCE": "1",
    "TRIAGE_GATE__MAX_RECALL_DROP": "1",
    "TRIAGE_SPARK__DRIVER_MEMORY": "1g",
}
MINE = ["my parcel never came", "charged twice for one order", "the app crashes on start", "hi"]


def commands() -> list[str]:
    """Shell commands of the README, comments off, continued lines joined; Python as it stands."""
    found = []
    for language, block in BLOCKS:
        if language == "python":
            found.append(f".venv/bin/python - <<'END'\n{block}END")
            continue
        lines = block.replace("\\\n", " ").splitlines()
        found += [c for c in (re.sub(r"\s{2,}#.*|^#.*", "", line).strip() for line in lines) if c]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds, with this environment linked in."""
    folder = tmp_path_factory.mktemp("readme") / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    rows = [f"{text} {n}" for n in range(60) for text in MINE]
    (folder / "mine.csv").write_text("message\n" + "\n".join(rows) + "\n", encoding="utf-8")
    gold = [
        ("my parcel never came", "shipping problem"),
        ("I was charged twice", "billing issue"),
        ("the app crashes", "product defect"),
        ("how do I change my seat?", "customer service"),
        ("love you all!", "other"),
    ]
    text = "text,label\n" + "".join(f"{text},{label}\n" for text, label in gold)
    (folder / "gold.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def environment(checkout: Path) -> Iterator[dict[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRIAGE_", "MAKE", "MFLAGS"))}
    # An empty PATH entry for engines: the API must run from the environment, not in a container.
    environment = clean | SMALL | {"PORT": port, "TRIAGE_SERVING__ENGINE": "venv"}
    yield environment
    subprocess.run(["make", "stop_api"], cwd=checkout, env=environment, capture_output=True)


def run(command: str, checkout: Path, environment: dict[str, str]) -> str:
    command = command.replace("localhost:8000", f"localhost:{environment['PORT']}")
    done = subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
    return done.stdout


def modified_at(checkout: Path) -> dict[Path, int]:
    files = [p for name in ("data", "models") for p in (checkout / name).rglob("*") if p.is_file()]
    return {path: path.stat().st_mtime_ns for path in files if not path.name.startswith(".")}


def test_the_first_commands_are_make_and_make_test():
    assert [c for c in commands() if c.startswith("make")][:2] == ["make", "make test"]


def test_every_target_and_variable_is_named_in_the_readme():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z_]+):.*## ", makefile, flags=re.MULTILINE)) - {"all"}
    (variables_line,) = re.findall(r"# Variables: (.*)", makefile)
    variables = set(variables_line.split())
    said = set(re.findall(r"[A-Za-z_]+", README))
    assert not (targets | variables) - said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_runs(checkout, environment):
    for command in commands():
        if command.startswith(ONLY_CHECKED):
            run(f"{command} --dry-run", checkout, environment)
            continue
        shown = run(command, checkout, environment)
        if command == "make":
            first = next(line for line in shown.splitlines() if line.strip())
            assert first == "Profile: sample (set by PROFILE)"
            assert "macro-F1" in shown
            assert "curl -X POST" in shown
        if command.startswith("curl"):
            assert '"error"' not in shown
        if command.startswith(".venv/bin/python - "):
            assert len(shown.splitlines()) == 2
        if command.startswith("curl") and "/predict" in command:
            answer = json.loads(shown[shown.index("{") :])
            assert {"label", "confidence"} <= set(answer)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_second_make_changes_nothing(checkout, environment):
    before = modified_at(checkout)
    shown = run("make", checkout, environment)
    assert shown.count("unchanged, nothing to do") >= 4
    assert modified_at(checkout) == before
