"""Label a CSV with the production model: python -m e_apification score --csv IN --out OUT.

OUT ends in .csv or .parquet. Every readable row of IN comes out, in its order and with all its
columns, plus label (empty = abstained), confidence, abstained and model_id; where IN has a
column of such a name, ours gets the prefix predicted_. IN is read as ingestion reads it: records
that cannot be read are counted, and stand in OUT.rejected.csv with their number and the reason.
"""

import argparse
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import plain_path
from common.errors import SettingsError
from common.locks import exclusive
from common.models.model_source import fetch_served
from common.models.registry import require_production_id
from common.runtime.spark import spark_session
from common.stage.files import sync_folder
from e_apification.bulk.rows import (
    Results,
    added_names,
    land_csv,
    read_results,
    write_results,
)
from e_apification.bulk.spark import score_texts
from e_apification.model.predictor import load_predictor

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OpenSession = Callable[[], "AbstractContextManager[SparkSession]"]
logger = logging.getLogger("e_apification.bulk.score")


class Summary(NamedTuple):
    """What a run did: rows taken = out + rejected; seconds with and without Spark's start.

    rejected: by reason.
    """

    taken: int
    out: int
    rejected: Counter[str]
    distinct: int
    abstained: int
    seconds: float
    scoring_seconds: float


def score_csv(
    settings: Settings, *, source: Path, out: Path, text_column: str, open_session: OpenSession
) -> Summary:
    """Label every readable row of a CSV; the output appears whole or not at all.

    Raises:
        TriageError: for a missing model, column or file, or an output that cannot be written.
    """
    started = time.monotonic()
    _check_paths(source, out)
    models = fetch_served(settings)
    model_id = require_production_id(models)
    predictor = load_predictor(models, model_id, threads=1)
    with _work_folder(out) as work:
        texts, rejects, scored = work / "texts.parquet", work / "rejected.csv", work / "scored"
        landed = land_csv(
            source,
            texts,
            rejects=rejects,
            text_column=text_column,
            max_field_mb=settings.ingestion.max_field_mb,
        )
        added_names(landed.header)
        results = Results(np.zeros(0, np.int16), np.zeros(0, np.float32), 0)
        scoring_s = 0.0
        if landed.rows:
            with open_session() as session:
                opened = time.monotonic()
                score_texts(
                    session,
                    texts,
                    rows=landed.rows,
                    models=models,
                    model_id=model_id,
                    out=scored,
                )
                scoring_s = time.monotonic() - opened
            results = read_results(scored, rows=landed.rows)
        partial_out = work / f"result{out.suffix}"
        write_results(
            partial_out,
            texts,
            landed,
            results,
            label_names=predictor.labels.names,
            model_id=model_id,
        )
        _publish(partial_out, out, rejects=rejects if landed.rejected else None)
    abstained = int((results.labels < 0).sum())
    return Summary(
        taken=landed.rows + landed.rejected.total(),
        out=landed.rows,
        rejected=landed.rejected,
        distinct=results.distinct,
        abstained=abstained,
        seconds=time.monotonic() - started,
        scoring_seconds=scoring_s,
    )


def _check_paths(source: Path, out: Path) -> None:
    if out.suffix not in (".csv", ".parquet"):
        raise SettingsError(f"{out} must end in .csv or .parquet; that decides the format")
    if out.is_dir():
        raise SettingsError(f"{out} is a folder; name a file")
    if out.resolve() == source.resolve():
        raise SettingsError(f"{out} is the input; name another output")


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """An empty folder beside the output, gone at the end; what a killed run left goes first."""
    work = out.parent / f".{out.name}.scoring"
    busy = f"another process is writing {out}; wait for it, or end it"
    with exclusive(out.parent / f".{out.name}.lock", busy=busy):
        try:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _publish(finished: Path, out: Path, *, rejects: Path | None) -> None:
    """Rename the result into place, last; the rejected records go before it."""
    listed = _rejects_of(out)
    if rejects:
        rejects.replace(listed)
    else:
        listed.unlink(missing_ok=True)
    finished.replace(out)
    sync_folder(out.parent)


def _rejects_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.rejected.csv")


def _run(settings: Settings, *, args: argparse.Namespace) -> None:
    summary = score_csv(
        settings,
        source=args.csv,
        out=args.out,
        text_column=args.text_column or settings.ingestion.text_column,
        open_session=partial(spark_session, settings.spark, app="bulk scoring"),
    )
    logger.info(
        "%s rows in = %s out + %s rejected; %s distinct texts; %s rows abstained",
        f"{summary.taken:,}",
        f"{summary.out:,}",
        f"{summary.rejected.total():,}",
        f"{summary.distinct:,}",
        f"{summary.abstained:,}",
    )
    if summary.rejected:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(summary.rejected.items()))
        logger.warning("rejected (%s): see %s", reasons, _rejects_of(args.out))
    logger.info(
        "%s: %.1f s, of which %.1f s scoring (%s messages/s)",
        args.out,
        summary.seconds,
        summary.scoring_seconds,
        f"{summary.out / max(summary.scoring_seconds, 1e-9):,.0f}",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    summary = "Label any CSV that has a text column, inside Spark."
    parser = stage_parser("e_apification score", summary, sections=["spark"])
    parser.add_argument("--csv", type=plain_path, required=True, help="the CSV or CSV.gz to label")
    parser.add_argument("--out", type=plain_path, required=True, help="result: .csv or .parquet")
    parser.add_argument("--text-column", help="column of the text (default ingestion.text_column)")
    args = parser.parse_args(arguments)
    return run_command(args, partial(_run, args=args))
