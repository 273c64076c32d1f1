"""The stages of the chain, run one after the other and measured, until every message is labeled."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Measured, run_measured
from common.errors import DataError
from common.models.registry import require_production_id
from common.stage.manifest import Manifest, require_manifest

ROOT = Path(__file__).resolve().parents[2]
MB = 2**20
BUDGET = 50_000


class StageRow(NamedTuple):
    """rows_in and rows_out: as the manifest counts them; written_mb: its output.

    peak_mb sums the resident memory of the process and all that it started.
    """

    stage: str
    rows_in: int
    rows_out: int
    seconds: float
    peak_mb: int
    written_mb: int

    @property
    def figures(self) -> dict[str, float]:
        """For the table."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "seconds": round(self.seconds, 1),
            "rows_per_s": round(self.rows_in / self.seconds),
            "peak_mb": self.peak_mb,
            "written_mb": self.written_mb,
        }


def run_stages(source: Path, folder: Path, *, budget: int) -> Iterator[StageRow]:
    """Land, clean, label, train and score ``source`` below ``folder``; a row a stage.

    Raises:
        CommandError: if a stage fails.
        DataError: if a message is left without a label's row.
    """
    run_dir = folder / "run"
    settings = (
        f"run_dir={run_dir}",
        "ingestion.source=csv",
        f"ingestion.csv={source}",
        f"classification.budget={budget}",
    )
    options = ["--profile", "sample", *(word for s in settings for word in ("--set", s))]
    data = run_dir / "data"
    messages = 0
    for stage, command, output in (
        ("landing", ["a_ingestion"], data / "raw"),
        ("transformation", ["b_transformation"], data / "curated"),
        ("labeling", ["c_classification"], data / "labeled"),
        ("training", ["d_training", "--force"], run_dir / "models"),
        ("scoring", ["e_apification", "score"], data / "scored"),
    ):
        measured = run_measured(
            [sys.executable, "-m", *command, *options], cwd=ROOT, log=folder / f"{stage}.log"
        )
        if stage == "training":
            output /= require_production_id(output)
        manifest = require_manifest(output, made_by=stage)
        if stage == "transformation":
            messages = manifest.rows.out
        if stage == "scoring" and manifest.rows.out != messages:
            raise DataError(f"{manifest.rows.out:,} of {messages:,} messages are in data/scored")
        yield stage_row(stage, manifest, measured)


def stage_row(stage: str, manifest: Manifest, measured: Measured) -> StageRow:
    """What a stage took, made and cost."""
    return StageRow(
        stage,
        manifest.rows.taken,
        manifest.rows.out,
        measured.wall_s,
        round(measured.peak_rss_bytes / MB),
        round(sum(record.bytes for record in manifest.outputs) / MB),
    )
