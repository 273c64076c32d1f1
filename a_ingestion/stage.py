"""The stage: get the source's file, land it in data/raw, do nothing if it is there already.

With ingestion.append it adds to data/raw what is new by id, and does nothing for a file that is in
it already. The manifest then counts the rows of all files together; figures.files has each.
"""

import logging
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from a_ingestion.sources import Source, choose_source
from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.errors import DataError
from common.stage.manifest import FileRecord, Manifest, RowCounts, find_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tables.columns.places import quoted
from common.tables.columns.roles import find_roles
from common.tracking.records import Tracker

# What decides the output, with all that these import.
CODE = ("a_ingestion.append", "a_ingestion.landing", "a_ingestion.sources")
logger = logging.getLogger(__name__)


def land_source(settings: Settings) -> Manifest:
    """Bring data/raw up to date with the source that the settings choose.

    Raises:
        TriageError: if the source cannot be had or read; the message says what to do.
    """
    ingestion = settings.ingestion
    source = choose_source(ingestion, cache=settings.paths.cache)
    earlier = _Earlier.of(settings.paths.raw) if ingestion.append else None
    plan = plan_stage(
        "a_ingestion",
        code=CODE,
        settings={
            "source": ingestion.source,
            "text_column": ingestion.text_column,
            "max_field_mb": ingestion.max_field_mb,
            **source.settings,
            **({"after": earlier.key} if earlier else {}),
        },
        inputs=source.inputs,
    )
    if earlier and (before := earlier.holds(plan.inputs)):
        logger.info("a_ingestion: %s is in data/raw already, nothing to do", before)
        return earlier.manifest
    raw = settings.paths.raw
    build = partial(
        _build, raw=raw, source=source, ingestion=ingestion, inputs=plan.inputs, earlier=earlier
    )
    return run_stage(plan, output=raw, build=build, on_built=Tracker(settings))


class _Earlier(NamedTuple):
    """What was landed before: the published folder and its manifest."""

    folder: Path
    manifest: Manifest

    @classmethod
    def of(cls, raw: Path) -> "_Earlier | None":
        manifest = find_manifest(raw)
        return cls(raw.resolve(), manifest) if manifest else None

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def files(self) -> list[dict[str, Any]]:
        return list(self.manifest.figures.get("files", []))  # an older version kept none

    def holds(self, inputs: Sequence[FileRecord]) -> str | None:
        """The name of the file among ``inputs`` that was landed, byte for byte; None if none."""
        landed = {file["sha256"] for file in self.files}
        return next((record.path for record in inputs if record.sha256 in landed), None)


def _build(
    folder: Path,
    *,
    raw: Path,
    source: Source,
    ingestion: IngestionSettings,
    inputs: Sequence[FileRecord],
    earlier: _Earlier | None,
) -> Built:
    from a_ingestion.append import LANDED_BEFORE, append_rows
    from a_ingestion.landing import land_csv

    # Nobody else writes it from here on; somebody may have since the run was planned.
    if ingestion.append and _Earlier.of(raw) != earlier:
        raise DataError(f"{raw} has changed since this run began; run the same command again")
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
    rows = landed.rows
    if earlier:
        repeated = append_rows(
            earlier.folder,
            folder,
            id_column=_id_column(ingestion, landed.columns),
            records=earlier.manifest.rows.taken,
        )
        rows = _without(rows, {LANDED_BEFORE: repeated} if repeated else {})
        logger.info("%s new rows; %s were landed before", f"{rows.out:,}", f"{repeated:,}")
    files = [*(earlier.files if earlier else []), _described(inputs, rows)]
    figures = {
        "source": ingestion.source,
        "columns": list(landed.columns),
        "csv_bytes": landed.csv_bytes,
        "form": landed.form,
        "landing_seconds": round(seconds, 3),
        "rows_per_second": round(landed.rows.taken / seconds),
        "files": files,
    }
    return Built(_total([earlier.manifest.rows, rows]) if earlier else rows, figures)


def _id_column(ingestion: IngestionSettings, columns: tuple[str, ...]) -> str:
    """The column that tells a message that was landed before.

    Raises:
        DataError: if there is none.
    """
    roles = find_roles(
        columns,
        name="the file",
        text_column=ingestion.text_column,
        optional=ingestion.optional_columns,
    )
    if roles.ids is None:
        raise DataError(
            f"APPEND=1 tells new rows by their id, and the file has the columns {quoted(columns)}; "
            "name the one that holds ids: ID_COLUMN= (ingestion.id_column)"
        )
    return roles.ids


def _described(inputs: Sequence[FileRecord], rows: RowCounts) -> dict[str, Any]:
    """A landed file in the manifest; a generated source has neither name nor digest."""
    named = {"path": inputs[0].path, "sha256": inputs[0].sha256} if inputs else {"sha256": ""}
    return {**named, "rows": rows.model_dump(by_alias=True)}


def _without(rows: RowCounts, dropped: dict[str, int]) -> RowCounts:
    left = rows.out - sum(dropped.values())
    return RowCounts(taken=rows.taken, out=left, dropped=rows.dropped | dropped)


def _total(counts: Sequence[RowCounts]) -> RowCounts:
    dropped = sum((Counter(rows.dropped) for rows in counts), Counter[str]())
    return RowCounts(
        taken=sum(rows.taken for rows in counts),
        out=sum(rows.out for rows in counts),
        dropped=dict(sorted(dropped.items())),
    )
