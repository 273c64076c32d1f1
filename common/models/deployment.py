"""Letting a model serve: promotion past the gate, and rollback. The one home of both.

A promotion asks for the gate's verdict. Every event is first written to the journal, and the
pointer moves last; a move that was killed in between is finished by the next event.
"""

import getpass
import json
import logging
import os
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from common.errors import DataError, RefusedError
from common.locks import exclusive
from common.models import journal
from common.models.journal import Deployment
from common.models.metrics import read_served
from common.models.registry import (
    POINTER,
    model_folder,
    serving_id,
    verified_manifest,
    verified_served,
)
from common.models.verdict import Verdict, find_verdict, verdict_path
from common.stage.files import write_atomically
from common.text import rules_sha256

_LOCK_S = 10
logger = logging.getLogger(__name__)


class NotJudgedError(DataError):
    """No verdict holds the model against the one that serves now; force promotes it anyway."""


class NeverServedError(DataError):
    """There is no such model to go back to."""


def settle(models: Path) -> None:
    """Finish a move that was written to the journal and killed before the pointer followed."""
    with one_move_at_a_time(models):
        _settle(models)


def promote(
    models: Path,
    model_id: str,
    *,
    by: str,
    force: bool = False,
    trial: Callable[[str], object] | None = None,
) -> None:
    """Let a model serve that its verdict lets through; nothing happens where it serves already.

    Args:
        models: the folder of all models.
        model_id: the model.
        by: who or what asks.
        force: promote whatever the verdict says, or without one; the journal says so.
        trial: called with the id before anything is written; what it raises stops the move.

    Raises:
        RefusedError: if the gate refused it; the refusal is written down, the pointer stays.
        NotJudgedError: if it was not judged against what serves now.
        DataError: if the model is missing or damaged.
    """
    verified_manifest(models, model_id)
    with one_move_at_a_time(models):
        _settle(models)
        before = serving_id(models)
        if before == model_id:
            return
        verdict = find_verdict(models, model_id)
        if verdict is not None and verdict.against != before:
            verdict = None
        if verdict is None and not force:
            raise NotJudgedError(
                f"model {model_id} was not judged against {before or 'an empty place'}, which "
                "is what serves now; run `make train_model`"
            )
        entry = Deployment(
            action=_action(verdict, force=force),
            before=before,
            to=model_id,
            by=by,
            forced=force,
            figures=verdict.figures if verdict else {},
            reasons=verdict.reasons if verdict else ("not judged",),
        )
        if entry.moved and trial is not None:
            trial(model_id)
        journal.append(models, entry)
        if not entry.moved:
            raise RefusedError(
                refusal(models, model_id, entry.reasons),
                model_id=model_id,
                reasons=entry.reasons,
            )
        _point(models, model_id)
    logger.info("production: model %s serves, %s before it", model_id, before or "none")


def roll_back(
    models: Path,
    *,
    by: str,
    to: str | None = None,
    trial: Callable[[str], object] | None = None,
) -> str:
    """Let a model serve again; returns its id.

    Args:
        models: the folder of all models.
        by: who or what asks.
        to: a model that has served before; by default the one before the present one.
        trial: called with the id before anything is written; what it raises stops the move.

    Raises:
        NeverServedError: if there is none.
        DataError: if its files are missing or were changed, or it reads texts
            that were cleaned by other rules than this code's.
    """
    with one_move_at_a_time(models):
        _settle(models)
        entries = journal.read_journal(models)
        before = serving_id(models)
        target = to or _previous(models, entries)
        model_folder(models, target)  # the id is one
        if target not in {entry.to for entry in entries if entry.moved}:
            raise NeverServedError(
                f"model {target} has never served by {models / journal.JOURNAL}; only training "
                "promotes a new one"
            )
        _require_servable(verified_served(models, target))
        if target == before:
            logger.info("production: model %s serves already, nothing to do", target)
            return target
        if trial is not None:
            trial(target)
        entry = Deployment(action="rollback", before=before, to=target, by=by)
        journal.append(models, entry)
        _point(models, target)
    logger.info("production: back to model %s from %s", target, before or "none")
    return target


def one_move_at_a_time(models: Path) -> AbstractContextManager[None]:
    """Keep journal and pointer as they are; a TriageError where another holds them for long."""
    return exclusive(
        models / f".{POINTER}.lock",
        busy=f"another process is changing {models / POINTER}; try again",
        timeout_s=_LOCK_S,
    )


def refusal(models: Path, model_id: str, reasons: Collection[str]) -> str:
    """What a person who was refused reads."""
    serving = serving_id(models) or "no model"
    return (
        f"the gate refuses model {model_id}: {'; '.join(reasons)}; "
        f"{serving} serves as before. {verdict_path(models, model_id)} holds the verdict, "
        "gate.* are its limits, `make train_model FORCE=1` promotes it anyway"
    )


def asked_by(command: str) -> str:
    """The person and the command, for the journal."""
    try:
        return f"{getpass.getuser()}, {command}"
    except (KeyError, OSError):  # a container's user may have a number and no name
        return f"user {os.getuid()}, {command}"


def _action(verdict: Verdict | None, *, force: bool) -> Literal["promote", "refuse", "force"]:
    if verdict is not None and verdict.promote:
        return "promote"
    return "force" if force else "refuse"


def _previous(models: Path, entries: list[Deployment]) -> str:
    order = journal.serving_order(entries)
    if len(order) < 2:
        raise NeverServedError(
            f"no model served before the present one by {models / journal.JOURNAL}"
        )
    return order[-2]


def _require_servable(folder: Path) -> None:
    if read_served(folder).text_rules_sha256 != rules_sha256():
        raise DataError(
            f"{folder} was trained with other text rules than this code has, and its server would "
            "refuse it; roll back with the code that made the model"
        )


def _settle(models: Path) -> None:
    last = journal.last_move(journal.read_journal(models))
    if last is None or serving_id(models) == last.to:
        return
    try:
        verified_served(models, last.to)
    except DataError as error:
        logger.warning("production: the journal's last model cannot serve: %s", error)
        return
    _point(models, last.to)
    logger.warning("production: model %s serves now, as the journal's last line says", last.to)


def _point(models: Path, model_id: str) -> None:
    write_atomically(models / POINTER, json.dumps({"model_id": model_id}) + "\n")
