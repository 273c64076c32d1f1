"""What `make clean` removes, and when."""

from pathlib import Path

import pytest

from common.config.schema import Settings
from common.errors import TriageError
from common.stage.run import single_writer
from common.upkeep.clean import clean

MADE = (
    "data/raw.0/part",
    "models/0/part",
    "reports/part",
    "mlruns/part",
    ".cache/part",
    ".smoke/part",
)
KEPT = ("store/store.db", "mine.csv")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    run_dir = tmp_path / "[q1] {a,b} #1"
    for name in (*MADE, *KEPT):
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / name).touch()
    (run_dir / "data/raw").symlink_to("raw.0")
    return Settings(run_dir=run_dir)


def files(settings: Settings) -> set[str]:
    found = settings.run_dir.rglob("*")
    return {str(path.relative_to(settings.run_dir)) for path in found if path.is_file()}


def test_clean_leaves_corrections_and_what_is_not_ours(settings: Settings) -> None:
    clean(settings)
    assert files(settings) == set(KEPT)
    clean(settings)


def test_clean_does_not_remove_what_is_being_written(settings: Settings) -> None:
    with single_writer(settings.paths.labeled), pytest.raises(TriageError, match="is writing"):
        clean(settings)
    assert files(settings) >= {*MADE, *KEPT}
