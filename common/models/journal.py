"""The deployment journal, models/deployments.jsonl: one line an event, appended, never rewritten.

An entry is on the disk before the pointer moves, so the journal knows of every move, also of one
that was killed half-way.
"""

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.stage.files import sync_folder

JOURNAL = "deployments.jsonl"
logger = logging.getLogger(__name__)


class Deployment(BaseModel):
    """One event. A refusal moves nothing: ``before`` serves on."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    at: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    action: Literal["promote", "refuse", "force", "rollback"] = "promote"
    before: str | None = Field(alias="from")
    to: str
    by: str
    forced: bool = False
    figures: dict[str, float | None] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the pointer follows."""
        return self.action != "refuse"


def append(models: Path, entry: Deployment) -> None:
    """Add one line and wait until the disk has it."""
    path = models / JOURNAL
    line = entry.model_dump_json(by_alias=True) + "\n"
    created = not path.exists()
    with path.open("ab+") as journal:
        if journal.tell():
            journal.seek(-1, os.SEEK_END)
            if journal.read(1) != b"\n":  # a power cut left half a line: keep it, start anew
                line = "\n" + line
        journal.write(line.encode())
        journal.flush()
        os.fsync(journal.fileno())
    if created:
        sync_folder(models)


def read_journal(models: Path) -> list[Deployment]:
    """All entries, oldest first; a line that can't be read (half written) is left out."""
    try:
        lines = (models / JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entries.append(Deployment.model_validate_json(line))
        except ValidationError:
            logger.warning("%s: line %d cannot be read, left out", models / JOURNAL, number)
    return entries


def last_move(entries: Sequence[Deployment]) -> Deployment | None:
    """The entry that decides what serves."""
    return next((entry for entry in reversed(entries) if entry.moved), None)


def last_decision(entries: Sequence[Deployment], model_id: str) -> Deployment | None:
    """The last entry about one model."""
    return next((entry for entry in reversed(entries) if entry.to == model_id), None)


def serving_order(entries: Sequence[Deployment]) -> list[str]:
    """Models that rollbacks can walk back through, the one that serves last.

    A rollback takes away what came after its target, so that a second one goes further back.
    """
    order: list[str] = []
    for entry in entries:
        if not entry.moved:
            continue
        if entry.action == "rollback" and entry.to in order:
            while order[-1] != entry.to:
                order.pop()
        elif order[-1:] != [entry.to]:
            order.append(entry.to)
    return order
