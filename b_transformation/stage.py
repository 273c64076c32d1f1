"""The stage: landed rows in; curated messages, replies and a quality report out."""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from b_transformation.columns.ids import WHAT as ID
from b_transformation.columns.raw_columns import raw_names, read_raw_columns
from b_transformation.columns.values import Unread
from b_transformation.job import Cleaned, Sources, write_messages, write_replies
from b_transformation.quality.causes import quarantined, rank_causes
from b_transformation.quality.checks import check_quality, require_passed, write_report
from b_transformation.quality.written import Written, count_rows, read_written
from b_transformation.texts.mail import Chosen, choose_rules
from b_transformation.threading.index import (
    BY_BRAND,
    NO_DIRECTION,
    NO_ID,
    NO_TIME,
    REPEATED,
    Index,
    write_index,
)
from b_transformation.threading.joined_index import write_index_by_joins
from common.config.schema import Settings
from common.runtime.spark import spark_session
from common.stage.manifest import Manifest, RowCounts, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tables.columns.roles import Roles, find_roles
from common.tracking.records import Tracker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What decides the output, with all that these import.
CODE = ("b_transformation.job", "b_transformation.threading.joined_index")
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
            **settings.ingestion.optional_columns,
            "date_order": settings.ingestion.date_order,
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
    unread: tuple[Unread, ...]
    quarantined: dict[str, int]


def _build(settings: Settings, folder: Path) -> Built:
    scratch = folder / "scratch"
    scratch.mkdir()
    most = settings.spark.driver_rows
    by_joins = count_rows(settings.paths.raw / MESSAGES) > most
    with ThreadPoolExecutor(max_workers=1) as aside:
        indexing = None if by_joins else aside.submit(_index_raw, settings, scratch)
        with spark_session(
            settings.spark, app="b_transformation", shared=settings.run_dir
        ) as spark:
            indexed = indexing.result() if indexing else _index_by_joins(spark, settings, scratch)
            cleaned = write_messages(
                spark,
                indexed.sources,
                folder / MESSAGES,
                brands=indexed.counts.brands,
                settings=settings.transformation,
            )
            written = read_written(folder / MESSAGES, spark=spark if by_joins else None)
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
    """By NumPy, in the driver."""
    messages, roles = _source(settings)
    raw = read_raw_columns(messages, roles, date_order=settings.ingestion.date_order)
    index = write_index(raw, scratch, rounds=settings.transformation.thread_rounds)
    sources = Sources(messages, roles, scratch.resolve())
    return _indexed(settings, sources, index, rows=len(raw.source_rows), unread=raw.unread)


def _index_by_joins(spark: "SparkSession", settings: Settings, scratch: Path) -> _Indexed:
    messages, roles = _source(settings)
    most = settings.spark.driver_rows
    logger.info("more than %s rows: Spark joins ids and replies", f"{most:,}")
    found = write_index_by_joins(
        spark,
        messages,
        roles,
        scratch,
        date_order=settings.ingestion.date_order,
        rounds=settings.transformation.thread_rounds,
        most=most,
    )
    sources = Sources(messages, roles, scratch.resolve())
    return _indexed(settings, sources, found.written, rows=found.rows, unread=found.unread)


def _source(settings: Settings) -> tuple[Path, Roles]:
    """data/raw/messages, and the roles of its columns."""
    messages = settings.paths.raw / MESSAGES
    roles = find_roles(
        raw_names(messages),
        name=str(settings.paths.raw),
        text_column=settings.ingestion.text_column,
        optional=settings.ingestion.optional_columns,
    )
    return messages.resolve(), roles


def _indexed(
    settings: Settings, sources: Sources, index: Index, *, rows: int, unread: tuple[Unread, ...]
) -> _Indexed:
    for column in unread:
        if column.found:
            logger.info("column %r: dates as %s", column.column, " and as ".join(column.found))
    chosen = choose_rules(
        sources.raw, columns=list(sources.roles.texts), cut_mail=settings.transformation.cut_mail
    )
    return _Indexed(
        sources._replace(rules=chosen.rules),
        index,
        raw_rows=rows,
        chosen=chosen,
        unread=unread,
        quarantined=quarantined(settings.paths.raw),
    )


def _dropped(indexed: _Indexed, cleaned: Cleaned) -> dict[str, int]:
    """RowCounts by the first reason that applies; reasons without a row are left out."""
    names = _reasons(indexed.sources.roles)
    counts = {**indexed.counts.dropped, **cleaned.dropped}
    return {names.get(reason, reason): count for reason, count in counts.items() if count}


def _reasons(roles: Roles) -> dict[str, str]:
    """Reasons that name a column, by the names of this source's."""
    return {
        NO_ID: f"no readable {roles.keys}",
        NO_DIRECTION: f"no readable {roles.inbound} flag",
        REPEATED: f"repeated {roles.keys}",
        NO_TIME: f"no readable {roles.date}",
    }


def _check(settings: Settings, indexed: _Indexed, cleaned: Cleaned, written: Written) -> None:
    """Write the report and stop the chain where a check failed."""
    now = datetime.now(UTC)
    dropped = {**indexed.counts.dropped, **cleaned.dropped}
    usable = sum(dropped[reason] for reason in (BY_BRAND, REPEATED))
    lost = sum(indexed.quarantined.values())
    inbound, outbound = indexed.counts.questions + dropped[NO_TIME], dropped[BY_BRAND]
    roles = indexed.sources.roles
    checks = check_quality(
        written,
        settings.transformation.quality,
        raw_rows=indexed.raw_rows + lost,
        unusable_rows=sum(dropped.values()) - usable + lost,
        repeated_ids=dropped[REPEATED],
        inbound_share=(inbound / max(1, inbound + outbound) if roles.inbound is not None else None),
        now=now,
    )
    report = settings.paths.reports / REPORT
    causes = rank_causes(records=indexed.quarantined, unread=indexed.unread, texts=cleaned.dropped)
    texts = {name: cleaned.figures[name] for name in ("texts_cut", "texts_html", "mails_cut")}
    write_report(
        checks,
        report,
        now=now,
        texts=texts | indexed.chosen.figures,
        columns=_described(indexed),
        causes=causes,
    )
    logger.debug("quality: %s of %s checks passed", sum(c.passed for c in checks), len(checks))
    for cause in causes:
        logger.info("unusable: %s", cause.sentence)
    require_passed(checks, report=report, causes=causes, id_column=roles.keys)


def _described(indexed: _Indexed) -> dict[str, Any]:
    """How the columns were read, for the report."""
    roles = indexed.sources.roles
    return {
        "text": list(roles.texts),
        "id": roles.keys,
        "brand": roles.brand,
        "carried": list(roles.carried),
        **{
            column.what: {
                "column": column.column,
                "empty": column.empty,
                "unreadable": column.unreadable,
                **({"forms": list(column.found)} if column.found else {}),
            }
            for column in indexed.unread
            if column.what != ID
        },
    }
