"""The stage: landed rows in; curated messages, replies and a quality report out."""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from b_transformation.job import Cleaned, Sources, write_messages, write_replies
from b_transformation.quality.checks import check_quality, require_passed, write_report
from b_transformation.quality.written import Written, count_rows, read_written
from b_transformation.texts.mail import Chosen, choose_rules
from b_transformation.threading.index import BY_BRAND, REPEATED, Index, write_index
from b_transformation.threading.raw_columns import read_raw_columns
from common.config.schema import Settings
from common.runtime.spark import spark_session
from common.stage.manifest import Manifest, RowCounts, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tracking.records import Tracker

# What decides the output, with all that these import.
CODE = ("b_transformation.job", "b_transformation.threading.index")
logger = logging.getLogger(__name__)
MESSAGES, REPLIES, REPORT = "messages", "replies", "quality.json"


def curate_messages(settings: Settings) -> Manifest:
    """Curate data/raw into data/curated.

    Raises:
        TriageError: if data/raw or Java is missing, or a quality check fails.
    """
    require_manifest(settings.paths.raw, made_by="data_ingestion")
    plan = plan_stage(
        "b_transformation",
        code=CODE,
        settings={
            "transformation": settings.transformation.model_dump(mode="json"),
            "text_column": settings.ingestion.text_column,
        },
        inputs=[settings.paths.raw],
    )
    return run_stage(
        plan,
        output=settings.paths.curated,
        build=partial(_build, settings),
        on_built=Tracker(settings),
    )


class _Indexed(NamedTuple):
    sources: Sources
    counts: Index
    raw_rows: int
    chosen: Chosen


def _build(settings: Settings, folder: Path) -> Built:
    scratch = folder / "scratch"
    scratch.mkdir()
    with ThreadPoolExecutor(max_workers=1) as aside:
        indexing = aside.submit(_index_raw, settings, scratch)
        with spark_session(settings.spark, app="b_transformation") as spark:
            indexed = indexing.result()
            cleaned = write_messages(
                spark,
                indexed.sources,
                folder / MESSAGES,
                brands=indexed.counts.brands,
                settings=settings.transformation,
            )
            written = read_written(folder / MESSAGES)
            _check(settings, indexed, cleaned, written)
            write_replies(
                spark,
                indexed.sources,
                folder / MESSAGES,
                folder / REPLIES,
                settings=settings.transformation,
            )
    shutil.rmtree(scratch)
    return Built(
        RowCounts(taken=indexed.raw_rows, out=written.rows, dropped=_dropped(indexed, cleaned)),
        {
            **indexed.counts.figures,
            **cleaned.figures,
            **indexed.chosen.figures,
            "replies": count_rows(folder / REPLIES),
            "brands": len(indexed.counts.brands),
            "openers": written.openers,
            "with_brand": written.with_brand,
            "languages": written.languages,
        },
    )


def _index_raw(settings: Settings, scratch: Path) -> _Indexed:
    messages = settings.paths.raw / MESSAGES
    text_column = settings.ingestion.text_column
    raw = read_raw_columns(messages, text_column=text_column)
    index = write_index(raw, scratch, rounds=settings.transformation.thread_rounds)
    chosen = choose_rules(
        messages, columns=[text_column], cut_mail=settings.transformation.cut_mail
    )
    sources = Sources(
        raw=messages.resolve(),
        columns=raw.names,
        text_column=text_column,
        index_folder=scratch,
        rules=chosen.rules,
    )
    return _Indexed(sources, index, raw_rows=len(raw.source_rows), chosen=chosen)


def _dropped(indexed: _Indexed, cleaned: Cleaned) -> dict[str, int]:
    """RowCounts by the first reason that applies; reasons without a row are left out."""
    counts = {**indexed.counts.dropped, **cleaned.dropped}
    return {reason: count for reason, count in counts.items() if count}


def _check(settings: Settings, indexed: _Indexed, cleaned: Cleaned, written: Written) -> None:
    """Write the report and stop the chain where a check failed."""
    now = datetime.now(UTC)
    dropped = {**indexed.counts.dropped, **cleaned.dropped}
    usable = sum(dropped[reason] for reason in (BY_BRAND, REPEATED))
    outbound = dropped[BY_BRAND]
    checks = check_quality(
        written,
        settings.transformation.quality,
        raw_rows=indexed.raw_rows,
        unusable_rows=sum(dropped.values()) - usable,
        repeated_ids=dropped[REPEATED],
        inbound_share=(
            indexed.counts.questions / max(1, indexed.counts.questions + outbound)
            if "inbound" in indexed.sources.columns
            else None
        ),
        now=now,
    )
    report = settings.paths.reports / REPORT
    texts = {name: cleaned.figures[name] for name in ("texts_cut", "texts_html", "mails_cut")}
    write_report(checks, report, now=now, texts=texts | indexed.chosen.figures)
    logger.info("quality: %s of %s checks passed", sum(c.passed for c in checks), len(checks))
    require_passed(checks, report=report)
