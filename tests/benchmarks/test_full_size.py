"""The chain's processes stand in for themselves: what is measured is named, summed and checked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.full_size import stages
from benchmarks.measure import Measured
from common.errors import DataError
from common.stage.manifest import FileRecord, Manifest, RowCounts

MB = 2**20


def manifest(stage: str, *, taken: int, out: int, mb: int) -> Manifest:
    files = [FileRecord(path=f"part-{n}", bytes=n * MB, sha256="0" * 64) for n in (1, mb - 1)]
    return Manifest(
        stage=stage, created_at=datetime(2026, 1, 1, tzinfo=UTC), key="k", code_sha256="c",
        settings_sha256="s", inputs=(), outputs=tuple(files), seconds=1.0, figures={},
        rows=RowCounts(taken=taken, out=out, dropped={"brands": taken - out}),
    )  # fmt: skip


@pytest.fixture()
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each process ends at once; the commands that were started."""
    commands: list[str] = []
    counts = {"landing": (90, 80), "transformation": (80, 50), "labeling": (50, 20),
              "training": (20, 18), "scoring": (50, 50)}  # fmt: skip

    def run(command: list[str], **_: Any) -> Measured:
        commands.append(" ".join(command[2:4]))
        return Measured(wall_s=4.0, cpu_s=6.0, peak_rss_bytes=300 * MB)

    def require(_: Path, *, made_by: str) -> Manifest:
        taken, out = counts[made_by]
        return manifest(made_by, taken=taken, out=out, mb=5)

    monkeypatch.setattr(stages, "run_measured", run)
    monkeypatch.setattr(stages, "require_manifest", require)
    monkeypatch.setattr(stages, "require_production_id", lambda _: "model")
    monkeypatch.setattr(stages, "COUNTS", counts, raising=False)
    return commands


def test_a_row_a_stage(started: list[str], tmp_path: Path) -> None:
    rows = list(stages.run_stages(tmp_path / "twcs.csv", tmp_path, budget=20))
    assert [row.stage for row in rows] == [
        "landing", "transformation", "labeling", "training", "scoring",
    ]  # fmt: skip
    assert started == [
        "a_ingestion --profile", "b_transformation --profile", "c_classification --profile",
        "d_training --force", "e_apification score",
    ]  # fmt: skip
    assert rows[1].figures == {
        "rows_in": 80, "rows_out": 50, "seconds": 4.0, "rows_per_s": 20, "peak_mb": 300,
        "written_mb": 5,
    }  # fmt: skip


def test_a_message_without_a_label_is_an_error(
    started: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stages.COUNTS, "scoring", (50, 49))  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="49 of 50 messages are in data/scored"):
        list(stages.run_stages(tmp_path / "twcs.csv", tmp_path, budget=20))
    assert len(started) == 5
