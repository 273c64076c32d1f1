"""README.md and docs/ cannot drift: their commands are run, in order, in one copy of the checkout.

The run is small (SMALL below, and a labels file with few synthetic messages) but real: generator,
Spark, teacher, training, served API. Pages share it, so what one page has made the next finds
unchanged. Commands that match ONLY_CHECKED are not run: ``make --dry-run`` or ``--help`` shows
that they exist, and ONLY_CHECKED says what runs them instead.
"""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = list(dict.fromkeys(re.findall(r"\]\((docs/\w+\.md)\)", README)))  # as the README links them
MAX_README_LINES, MAX_COLUMNS = 120, 100
ONLY_CHECKED = {
    r"make test": "this suite",
    r"make lint": "the first make, which lints too",
    r"make env": "the set-up of whoever runs this suite",
    r"make (audit|schemas)": "they ask the package index",
    r"make bench": "minutes of measuring; tests/benchmarks",
    r"make fuzz": "tests/common/tables/test_fuzz.py, with 100 cases",
    r"make api_fuzz": "tests/e_apification/test_schema.py",
    r"make container_test": "the tests marked container",
    r"make cluster_test": "the tests marked cluster",
    r".*SPARK_MASTER=": "the tests marked cluster; deploy/spark in tests/test_deploy_spark.py",
    r"make (up|down|logs|ps|secrets|stack_test)": "tests/stack",
    r"make (images|screens)": "they would draw the repository's pictures",
    r"make mlflow_ui": "it runs until Ctrl-C",
    r".*tensorboard --logdir": "it runs until Ctrl-C",
    r"make labels_check LABELS=my_labels": "labels_check with conf/labels.yaml",
    r".*e_apification score": "make score",
    r".*benchmarks\.teachers": "tests/benchmarks/test_teachers.py",
    r".*benchmarks\.(full_size( |$)|devices)": "tests/benchmarks",
    r".*make tune": "a training a trial; tests/d_training/test_tune.py",
    r"make train_model TUNED=1": "it needs those trials",
    r"make smoke": "tests/pipeline, and the chain that the first make runs",
    r"make .*RUN_DIR=\.runs/daily": "tests/a_ingestion/test_append.py, bulk/test_curated.py",
    r"make (pipeline|evaluate) .*\.runs/(real|news|bank)": "their files do not ship",
}
SMALL = {
    "PROFILE": "sample",
    "TRIAGE_INGESTION__SAMPLE_ROWS": "500",
    "TRIAGE_CLASSIFICATION__EMBEDDING__CHECKPOINT": "minilm-wheel",
    "TRIAGE_CLASSIFICATION__EMBEDDING__TUNE_STEPS": "1",
    "TRIAGE_TRAINING__MAX_ROWS": "100",
    "TRIAGE_TRAINING__EPOCHS": "1",
    # So short a training teaches little: what comes out is promoted.
    "TRIAGE_GATE__MIN_MACRO_F1": "0",
    "TRIAGE_GATE__MAX_CALIBRATION_ERROR": "1",
    "TRIAGE_GATE__TOLERANCE": "1",
    "TRIAGE_GATE__MAX_RECALL_DROP": "1",
    "TRIAGE_SPARK__DRIVER_MEMORY": "1g",
    "TRIAGE_SPARK__SHUFFLE_PARTITIONS": "2",
}
KEPT_SYNTHETIC = 60  # one message of so many
MINE = ["my parcel never came", "charged twice for one order", "the app crashes on start", "hi"]
GOLD = [
    ("my parcel never came", "shipping problem"),
    ("I was charged twice", "billing issue"),
    ("the app crashes", "product defect"),
    ("how do I change my seat?", "customer service"),
    ("love you all!", "other"),
]
# A slow machine needs minutes for what a fast one does in one, so only what hangs is ended.
pytestmark = pytest.mark.timeout(3_600)


def commands(page: str) -> list[str]:
    """Shell commands of a page, comments off, continued lines joined; Python as it stands."""
    found = []
    text = (ROOT / page).read_text(encoding="utf-8")
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", text, flags=re.DOTALL):
        if language == "python":
            found.append(f".venv/bin/python - <<'END'\n{block}END")
            continue
        lines = re.sub(r"\s*\\\n\s*", " ", block).splitlines()
        found += [c for c in (re.sub(r"\s{2,}#.*|^#.*", "", line).strip() for line in lines) if c]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds, with this environment and the linters' caches."""
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
    for cache in (".mypy_cache", ".ruff_cache"):
        if (ROOT / cache).is_dir():
            shutil.copytree(ROOT / cache, folder / cache)
    synthetic = folder / "conf" / "labels_synthetic.csv"
    header, *messages = synthetic.read_text(encoding="utf-8").splitlines(keepends=True)
    synthetic.write_text("".join([header, *messages[::KEPT_SYNTHETIC]]), encoding="utf-8")
    rows = [f"{text} {n}" for n in range(40) for text in MINE]
    (folder / "mine.csv").write_text("message\n" + "\n".join(rows) + "\n", encoding="utf-8")
    gold = "text,label\n" + "".join(f"{text},{label}\n" for text, label in GOLD)
    (folder / "gold.csv").write_text(gold, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def environment(checkout: Path) -> Iterator[dict[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRIAGE_", "MAKE", "MFLAGS"))}
    # The API must run from the environment, not in a container.
    environment = clean | SMALL | {"PORT": port, "TRIAGE_SERVING__ENGINE": "venv"}
    yield environment
    for run_dir in (".", ".runs/mine"):
        subprocess.run(
            ["make", "stop_api", f"RUN_DIR={run_dir}"],
            cwd=checkout, env=environment, capture_output=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def first_make(checkout: Path, environment: dict[str, str]) -> str:
    """What ``make`` shows; every page builds on it.

    The teacher's files, which would be made alike, are handed to the other RUN_DIR.
    """
    shown = run("make", checkout, environment)
    for name in ("adapters", "tuned", "onnx"):
        shutil.copytree(checkout / ".cache" / name, checkout / ".runs/mine/.cache" / name)
    return shown


def run(command: str, checkout: Path, environment: dict[str, str]) -> str:
    command = command.replace("localhost:8000", f"localhost:{environment['PORT']}")
    done = subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
    return done.stdout


def check(command: str, checkout: Path, environment: dict[str, str]) -> None:
    """See that a command exists, without running it."""
    option = "--dry-run" if "make " in command else "--help"
    run(f"{command} {option}", checkout, environment)


def run_page(page: str, checkout: Path, environment: dict[str, str]) -> None:
    for command in commands(page):
        if any(re.match(pattern, command) for pattern in ONLY_CHECKED):
            check(command, checkout, environment)
        elif command not in earlier(page):
            shown = run(command, checkout, environment)
            if command.startswith("curl"):
                assert '"error"' not in shown
            if command.startswith("curl") and "/predict" in command:
                answer = json.loads(shown[shown.index("{") :])
                assert {"label", "confidence"} <= set(answer)
            if command.startswith(".venv/bin/python - "):
                assert len(shown.splitlines()) == 2


def earlier(page: str) -> set[str]:
    """Long commands that the pages before this one have run, letter for letter."""
    before = itertools.takewhile(lambda name: name != page, ("README.md", *PAGES))
    every = ["make", *(command for name in before for command in commands(name))]
    return {c for c in every if re.match(r"make( (pipeline|evaluate|score)|$)", c)}


def modified_at(checkout: Path) -> dict[Path, int]:
    files = [p for name in ("data", "models") for p in (checkout / name).rglob("*") if p.is_file()]
    return {path: path.stat().st_mtime_ns for path in files if not path.name.startswith(".")}


def test_readme_is_short_and_begins_with_make_and_make_test() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES
    assert [c for c in commands("README.md") if c.startswith("make")][:2] == ["make", "make test"]


def test_readme_links_every_page() -> None:
    assert sorted(PAGES) == sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_lines_are_short(page: Any) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    prose = [line for line in lines if not line.startswith("|")]
    assert [line for line in prose if len(line) > MAX_COLUMNS] == []


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_with_a_command(page: Any) -> None:
    assert re.match(r"# .+\n\n```sh\n", (ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_and_pictures_exist(page: Any) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", text)
    missing = [name for name in targets if not (ROOT / page).parent.joinpath(name).is_file()]
    assert missing == []


def test_every_target_and_variable_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z_]+):.*## ", makefile, flags=re.MULTILINE)) - {"all"}
    (variables_line,) = re.findall(r"# Variables: (.*)", makefile)
    variables = set(variables_line.split())
    assert len(targets) > 20 and len(variables) > 10
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in ("README.md", *PAGES)]
    assert not (targets | variables) - set(re.findall(r"[A-Za-z_]+", "\n".join(pages)))


def test_what_is_only_checked_is_documented() -> None:
    every = [command for page in ("README.md", *PAGES) for command in commands(page)]
    unused = [p for p in ONLY_CHECKED if not any(re.match(p, command) for command in every)]
    assert unused == []


@pytest.mark.slow
def test_commands_of_the_readme_run(
    checkout: Path, environment: dict[str, str], first_make: str
) -> None:
    first = next(line for line in first_make.splitlines() if line.strip())
    assert first == "Profile: sample (set by PROFILE)"
    assert "macro-F1" in first_make
    assert "curl -X POST" in first_make
    run_page("README.md", checkout, environment)


@pytest.mark.slow
def test_a_second_make_changes_nothing(
    checkout: Path, environment: dict[str, str], first_make: str
) -> None:
    before = modified_at(checkout)
    shown = run("make", checkout, environment)
    assert shown.count("unchanged, nothing to do") >= 4
    assert modified_at(checkout) == before
    run("make stop_api", checkout, environment)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_page_run(
    page: Any, checkout: Path, environment: dict[str, str], first_make: str
) -> None:
    run_page(page, checkout, environment)
