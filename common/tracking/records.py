"""What MLflow is to be told of a run, kept as a small file until it was: RUN_DIR/mlruns/spool.

A stage writes a record and goes on; d_training/tracking uploads all records. Neither a server that
is away nor MLflow's own start-up holds a stage up. Records hold figures, settings and digests,
never a message's text.

Manifests and the journal could not stand in for them: the next run replaces data/raw, curated,
labeled and reports/evaluation.json, and with them the runs before it; and a manifest names the
settings by their digest alone.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.config.schema import Settings
from common.errors import DataError
from common.locks import exclusive
from common.stage.files import write_atomically
from common.stage.manifest import FileRecord, Manifest, find_manifest
from common.stage.plan import Plan

SPOOL = "spool"
logger = logging.getLogger(__name__)


class RunRecord(BaseModel):
    """One run of a stage.

    figures: nested; its numbers become metrics. content: logged as ``document``, a JSON file.
    files: further files, uploaded as they are then. model: the id of the model whose folder the run
    made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str
    pipeline: str
    profile: str
    ended_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0
    settings: dict[str, Any] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    figures: dict[str, Any] = Field(default_factory=dict)
    document: str
    content: dict[str, Any]
    files: tuple[Path, ...] = ()
    model: str | None = None

    @property
    def name(self) -> str:
        """Tells records apart, and sorts them by age."""
        return f"{self.ended_at:%Y%m%dT%H%M%S%f}-{self.stage}-{self.tags.get('key', '')}"


class Tracker:
    """Spools a record of what ``run_stage`` has built."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, plan: Plan, manifest: Manifest) -> None:
        """Spool the record; an ``OnBuilt``."""
        chosen, lineage = _plain(plan.settings), _lineage(self._settings)
        record = stage_record(self._settings, manifest, chosen=chosen, lineage=lineage)
        spool(self._settings, record)


def stage_record(
    settings: Settings,
    manifest: Manifest,
    *,
    chosen: Mapping[str, Any] | None = None,
    lineage: Mapping[str, str] | None = None,
) -> RunRecord:
    """The record of a stage's run.

    Args:
        settings: the command's.
        manifest: of what the stage built.
        chosen: the settings that decide its output.
        lineage: digests of the data that lay there then, back to the raw rows.
    """
    rows = manifest.rows
    return RunRecord(
        stage=manifest.stage,
        pipeline=settings.pipeline,
        profile=settings.profile,
        ended_at=manifest.created_at,
        seconds=manifest.seconds,
        settings=dict(chosen or {}),
        tags={
            "key": manifest.key,
            "code_sha256": manifest.code_sha256,
            "settings_sha256": manifest.settings_sha256,
            "output": digest(manifest.outputs),
            **_inputs(manifest.inputs),
            **(lineage or {}),
        },
        figures={
            "rows": {"in": rows.taken, "out": rows.out, "dropped": rows.dropped},
            "seconds": manifest.seconds,
            **manifest.figures,
        },
        document="manifest.json",
        content=manifest.model_dump(mode="json", by_alias=True),
        model=manifest.key if manifest.stage == "d_training" else None,
    )


def spool(settings: Settings, record: RunRecord) -> None:
    """Keep a record for the upload."""
    if settings.tracking.enabled:
        path = settings.paths.tracking / SPOOL / f"{record.name}.json"
        write_atomically(path, record.model_dump_json(indent=2) + "\n")


def spooled(settings: Settings) -> list[Path]:
    """Records that wait, oldest first."""
    return sorted((settings.paths.tracking / SPOOL).glob("[!.]*.json"))


def one_upload_at_a_time(settings: Settings, *, timeout_s: float) -> AbstractContextManager[None]:
    """Keep what waits, and MLflow's own files, from being uploaded by another process."""
    return exclusive(
        settings.paths.tracking / ".sync.lock",
        busy="another process is uploading to MLflow",
        timeout_s=timeout_s,
    )


def read_record(path: Path) -> RunRecord:
    """A record that waits.

    Raises:
        DataError: if it can't be read.
    """
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except ValidationError:
        raise DataError(f"{path} is damaged; remove it") from None


def digest(records: Iterable[FileRecord]) -> str:
    """Sixteen hex digits that stand for the contents of files, in order."""
    joined = " ".join(record.sha256 for record in records)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def _inputs(records: Iterable[FileRecord]) -> dict[str, str]:
    """The digest of each folder that a stage read (its maker's tag ``output``), or of each file."""
    folders: dict[str, list[FileRecord]] = {}
    for record in records:
        folders.setdefault(record.path.split("/")[0], []).append(record)
    return {f"input.{name}": digest(files) for name, files in folders.items()}


def _lineage(settings: Settings) -> dict[str, str]:
    """What data lies there by now, as digests: what made a model, back to the raw rows."""
    paths, found = settings.paths, {}
    for folder in (paths.raw, paths.curated, paths.labeled):
        manifest = find_manifest(folder)
        if manifest is not None:
            found[f"data.{folder.name}"] = digest(manifest.outputs)
    return found


def _plain(settings: Any) -> dict[str, Any]:
    if isinstance(settings, BaseModel):
        return settings.model_dump(mode="json")
    return dict(settings) if isinstance(settings, dict) else {}
