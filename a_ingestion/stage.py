"""The stage: get the source's CSV, land it in data/raw, do nothing if it is there already."""

import logging
import shutil
import time
from functools import partial
from pathlib import Path

from a_ingestion.sources import Source, choose_source
from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.stage.manifest import Manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tracking.records import Tracker

# What decides the output, with all that these import.
CODE = ("a_ingestion.landing", "a_ingestion.sources")
logger = logging.getLogger(__name__)


def land_source(settings: Settings) -> Manifest:
    """Bring data/raw up to date with the source that the settings choose.

    Raises:
        TriageError: if the source cannot be had or read; the message says what to do.
    """
    ingestion = settings.ingestion
    source = choose_source(ingestion, cache=settings.paths.cache)
    plan = plan_stage(
        "a_ingestion",
        code=CODE,
        settings={
            "source": ingestion.source,
            "text_column": ingestion.text_column,
            "max_field_mb": ingestion.max_field_mb,
            **source.settings,
        },
        inputs=source.inputs,
    )
    build = partial(_build, source=source, ingestion=ingestion)
    return run_stage(plan, output=settings.paths.raw, build=build, on_built=Tracker(settings))


def _build(folder: Path, *, source: Source, ingestion: IngestionSettings) -> Built:
    from a_ingestion.landing import land_csv

    scratch = folder / "scratch"
    scratch.mkdir()
    csv = source.prepare(scratch)
    started = time.monotonic()
    landed = land_csv(
        csv,
        folder,
        text_column=ingestion.text_column,
        max_field_mb=ingestion.max_field_mb,
        optional=ingestion.optional_columns,
    )
    seconds = time.monotonic() - started
    gold = scratch / "gold.csv"
    if gold.is_file():
        gold.rename(folder / gold.name)
    shutil.rmtree(scratch)
    if landed.rows.dropped:
        logger.warning(
            "%s of %s records cannot be read and are in quarantine/, with the reason",
            f"{landed.rows.taken - landed.rows.out:,}",
            f"{landed.rows.taken:,}",
        )
    figures = {
        "source": ingestion.source,
        "columns": list(landed.columns),
        "csv_bytes": landed.csv_bytes,
        "landing_seconds": round(seconds, 3),
        "rows_per_second": round(landed.rows.taken / seconds),
    }
    return Built(landed.rows, figures)
