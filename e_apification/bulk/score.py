"""Label a table with the production model: python -m e_apification score --csv IN --out OUT.

Every readable row of IN comes out, in its order and with all its columns, plus label (empty: the
model abstained), confidence, abstained, truncated and model_id. The end of OUT's name gives the
format. IN is read as ingestion reads it: records that cannot be read stand in OUT.rejected.csv
with their number and the reason, and make the exit code 4. OUT.manifest.json has the counts.

A folder of Parquet or JSONL files, or an address as s3a://bucket/in, is labeled into another one by
Spark's workers alone (folder). Without --csv and --out, it labels data/curated into data/scored
(curated).
"""

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.section import path_or_address
from common.errors import RejectedError, SettingsError
from common.models.model_source import fetch_served
from common.models.registry import require_production_id
from common.runtime.spark import spark_session
from common.stage.manifest import RowCounts
from common.tables.columns.places import quoted
from common.tables.input import TableInput
from common.tables.writing.output import ENDINGS, ending_of
from e_apification.bulk.curated import score_curated
from e_apification.bulk.folder import REJECTED, is_folder, score_folder
from e_apification.bulk.formats import (
    Dialect,
    check_cells,
    check_fits,
    write_table,
)
from e_apification.bulk.publish import (
    ScoreManifest,
    Summary,
    publish,
    record_of,
    rejects_of,
    work_folder,
)
from e_apification.bulk.rows import (
    ADDED,
    Landed,
    land_table,
    landed_batches,
    read_results,
    scored_batches,
    scored_schema,
)
from e_apification.bulk.spark import ABSTAINED, NO_TEXT, score_texts
from e_apification.model.predictor import load_predictor

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OpenSession = Callable[[], "AbstractContextManager[SparkSession]"]
logger = logging.getLogger("e_apification.bulk.score")


def score_table(
    settings: Settings,
    *,
    source: TableInput,
    out: Path,
    text_column: str,
    open_session: OpenSession,
) -> Summary:
    """Label every readable row of a table; the output appears whole or not at all.

    Raises:
        TriageError: for a missing model, column or file, or an output that cannot be written.
    """
    started = time.monotonic()
    ending = _check_paths(source.path, out)
    guard = settings.scoring.guard_formulas
    models = fetch_served(settings)
    model_id = require_production_id(models)
    predictor = load_predictor(models, model_id, threads=1)
    with work_folder(out) as work:
        texts, rejects, scored = work / "texts.parquet", work / "rejected.csv", work / "scored"
        landed = land_table(
            source,
            texts,
            rejects=rejects,
            text_column=text_column,
            max_field_mb=settings.ingestion.max_field_mb,
            guard=guard,
        )
        _describe(source, landed)
        _check_output(ending, texts, landed)
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
        finished = work / f"result{ending}"
        batches = scored_batches(
            texts, landed, results, label_names=predictor.labels.names, model_id=model_id
        )
        write_table(finished, ending, scored_schema(landed), batches, _dialect(landed, guard=guard))
        summary = Summary(
            taken=landed.rows + landed.rejected.total(),
            out=landed.rows,
            rejected=landed.rejected,
            distinct=results.distinct,
            abstained=results.count(ABSTAINED),
            without_text=results.count(NO_TEXT),
            seconds=time.monotonic() - started,
            scoring_seconds=scoring_s,
        )
        manifest = ScoreManifest(
            created_at=datetime.now(UTC),
            model_id=model_id,
            input=record_of(source.path, name=source.path.name),
            form=landed.form.described,
            text_columns=landed.texts,
            output=record_of(finished, name=out.name),
            rows=RowCounts(taken=summary.taken, out=summary.out, dropped=summary.rejected),
            abstained=summary.abstained,
            without_text=summary.without_text,
        )
        publish(finished, out, rejects=rejects if landed.rejected else None, manifest=manifest)
    return summary


def _check_paths(source: Path, out: Path) -> str:
    """The ending of the output."""
    ending = ending_of(out)
    if out.is_dir():
        raise SettingsError(f"{out} is a folder; name a file")
    if not out.parent.is_dir():
        raise SettingsError(f"there is no folder {out.parent} for {out.name}; make it")
    if out.resolve() == source.resolve():
        raise SettingsError(f"{out} is the input; name another output")
    return ending


def _describe(source: TableInput, landed: Landed) -> None:
    logger.info("%s: texts in %s", source.path, quoted(landed.texts))
    if landed.replaced:
        logger.info("its last %d columns are results of an earlier run: replaced", len(ADDED))


def _check_output(ending: str, texts: Path, landed: Landed) -> None:
    """What a format cannot hold is found before anything is scored."""
    check_fits(ending, scored_schema(landed).names, landed.rows)
    if ending == ".xlsx":
        first_row = 1
        for columns in landed_batches(texts, landed.header):
            check_cells(landed.header, columns, first_row=first_row)
            first_row += len(columns[0])


def _dialect(landed: Landed, *, guard: bool) -> Dialect:
    if landed.form.kind != "csv":
        return Dialect(guard=guard)
    return Dialect(landed.form.delimiter or ",", landed.form.bom, guard)


def _run(settings: Settings, *, args: argparse.Namespace) -> None:
    session = partial(spark_session, settings.spark, app="bulk scoring")
    if args.csv is None and args.out is None:
        open_session = partial(session, shared=settings.run_dir)
        score_curated(settings, relabel=args.relabel, open_session=open_session)
        return
    if args.csv is None or args.out is None:
        raise SettingsError(
            "name both files, --csv and --out (CSV= and OUT=); without both, score labels "
            "the curated messages of RUN_DIR"
        )
    ingestion = settings.ingestion
    text_column = args.text_column or ingestion.text_column
    if is_folder(args.csv):
        rejects: object = f"{args.out}/{REJECTED}"
        summary = score_folder(
            settings, source=args.csv, out=args.out, text_column=text_column, open_session=session
        )
    elif isinstance(args.out, str):
        raise SettingsError(f"{args.out} is an address and {args.csv} a file; name a file")
    else:
        rejects = rejects_of(args.out)
        summary = score_table(
            settings,
            source=TableInput.of(args.csv, ingestion),
            out=args.out,
            text_column=text_column,
            open_session=partial(session, shared=args.out.parent),
        )
    logger.info(
        "%s rows in = %s out + %s rejected; %s%s rows abstained, %s without text",
        f"{summary.taken:,}",
        f"{summary.out:,}",
        f"{summary.rejected.total():,}",
        "" if summary.distinct is None else f"{summary.distinct:,} distinct texts; ",
        f"{summary.abstained:,}",
        f"{summary.without_text:,}",
    )
    logger.info(
        "%s: %.1f s, of which %.1f s scoring (%s messages/s)",
        args.out,
        summary.seconds,
        summary.scoring_seconds,
        f"{summary.out / max(summary.scoring_seconds, 1e-9):,.0f}",
    )
    if summary.rejected:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(summary.rejected.items()))
        raise RejectedError(
            f"{summary.rejected.total():,} of {summary.taken:,} records are not in {args.out} "
            f"({reasons}): see {rejects}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    summary = (
        "Label a table that has a text column, inside Spark; without --csv and --out, label the "
        "curated messages of RUN_DIR that have no label yet, into data/scored."
    )
    parser = stage_parser("e_apification score", summary, sections=["scoring", "spark"])
    parser.add_argument(
        "--csv", type=path_or_address, help="the table to label, or a folder or address of tables"
    )
    parser.add_argument(
        "--out", type=path_or_address, help=f"result: {', '.join(ENDINGS)}, or a folder or address"
    )
    parser.add_argument(
        "--text-column",
        help="column of the text, or several: subject,description (default ingestion.text_column)",
    )
    parser.add_argument(
        "--relabel",
        action="store_true",
        help="of curated messages, also those that another model labeled",
    )
    args = parser.parse_args(arguments)
    return run_command(args, partial(_run, args=args))
