"""What counts in a stage's key: the code that decides its output, and no other."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from a_ingestion.stage import CODE as RAW
from b_transformation.stage import CODE as CURATED
from c_classification.audit.write import CODE as AUDIT
from c_classification.stage import CODE as LABELED
from common.stage.files import sha256_of
from common.stage.sources import ROOT, source_files
from d_training.cards.write import CODE as CARDS
from d_training.evaluation.evaluate import CODE as EVALUATION
from d_training.experiment import CODE as MODEL
from d_training.tuning.plan import CODE as STUDY

KEYS = {
    "raw": RAW, "curated": CURATED, "labeled": LABELED, "audit": AUDIT, "model": MODEL,
    "study": STUDY, "cards": CARDS, "evaluation": EVALUATION,
}  # fmt: skip
PACKAGES = ("a_ingestion", "b_transformation", "c_classification", "d_training", "common")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, to be edited."""
    folder = tmp_path_factory.mktemp("copy")
    unwanted = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for package in (*PACKAGES, "e_apification"):
        shutil.copytree(ROOT / package, folder / package, ignore=unwanted)
    return folder


def keys(root: Path) -> dict[str, list[str]]:
    return {
        name: [sha256_of(path) for path in source_files(code, root=root)]
        for name, code in KEYS.items()
    }


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, list[str]]:
    return keys(copy)


@pytest.mark.parametrize(
    ("edited", "moved"),
    [
        # A report, a page, a route, a table for the terminal, the gate: nothing is made anew.
        ("d_training/report/page.py", set()),
        ("d_training/gate/table.py", set()),
        ("d_training/gate/judge.py", set()),
        ("d_training/tracking/runs.py", set()),
        ("d_training/tuning/report.py", set()),
        ("e_apification/api/routes/predict.py", set()),
        ("c_classification/check/wording.py", set()),
        ("common/config/training.py", set()),
        ("common/log.py", set()),
        # What is told of a model is told anew, without a training.
        ("d_training/cards/model_card.py", {"cards"}),
        ("d_training/cards/model_card.jinja", {"cards"}),
        ("d_training/cards/plots.py", {"cards"}),
        ("c_classification/audit/page.py", {"audit"}),
        ("c_classification/audit/page.html", {"audit"}),
        ("d_training/evaluation/plots.py", {"evaluation"}),
        # What decides an output: a source, the rules of cleaning, a teacher, the training itself.
        ("a_ingestion/sample/phrases/frames.yaml", {"raw"}),
        ("b_transformation/texts/clean.py", {"curated"}),
        ("c_classification/teacher/tuning.py", {"labeled"}),
        ("d_training/fine_tuning/learner.py", {"model", "study"}),
        ("d_training/data/split.py", {"model", "study", "evaluation"}),
        ("d_training/export/compare.py", {"model"}),
        ("common/text.py", {"curated", "labeled", "model", "study", "cards", "evaluation"}),
    ],
)  # fmt: skip
def test_a_comment_moves_the_keys_that_its_file_decides(
    copy: Path, before: dict[str, list[str]], edited: str, moved: Any
) -> None:
    path = copy / edited
    text = path.read_bytes()
    try:
        path.write_bytes(text + b"# another word\n")
        after = keys(copy)
    finally:
        path.write_bytes(text)
    assert {name for name in KEYS if before[name] != after[name]} == moved


def test_imports_for_type_checkers_do_not_count(tmp_path: Path) -> None:
    package = tmp_path / "a"
    package.mkdir()
    (package / "one.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a.two\n"
        "def f():\n    from a import three\n"
    )
    for name in ("two", "three"):
        (package / f"{name}.py").write_text("")
    found = source_files(["a.one"], root=tmp_path)
    assert [path.name for path in found] == ["one.py", "three.py"]


def test_a_module_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="d_training.bild is no module of"):
        source_files(["d_training.bild"])
