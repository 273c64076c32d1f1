"""Which models must stay on the disk when old ones are removed."""

from datetime import UTC, datetime
from pathlib import Path

from common.errors import DataError
from common.models.journal import last_move, read_journal, serving_order
from common.models.registry import serving_id
from common.stage.manifest import find_manifest

_NEVER = datetime.min.replace(tzinfo=UTC)


def model_ids(models: Path) -> list[str]:
    """The models that have a folder, the newest first; those without a whole manifest last."""
    found = [folder.name for folder in models.glob("[0-9a-f]" * 12) if folder.is_dir()]
    return sorted(found, key=lambda model_id: (_trained_at(models / model_id), model_id))[::-1]


def needed_models(models: Path, *, keep: int) -> dict[str, str]:
    """Models that stay, and why: what serves, what rollback may ask for, the newest.

    Args:
        models: the folder of all models.
        keep: how many of the newest stay; of those that served before the present one, as many
            that served last, and as many that ``make rollback`` walks back through.
    """
    entries = read_journal(models)
    last, serving = last_move(entries), serving_id(models)
    moved = dict.fromkeys(entry.to for entry in reversed(entries) if entry.moved)
    newest = [name for name in model_ids(models) if _trained_at(models / name) != _NEVER]
    reasons: dict[str, str] = {}
    for reason, ids in (
        ("serves", [serving] if serving else []),
        ("the journal's last move", [last.to] if last else []),
        ("has served, for rollback", [*moved][: keep + 1]),
        ("has served, for rollback", serving_order(entries)[-keep - 1 :]),
        (f"one of the newest {keep}", newest[:keep]),
    ):
        for model_id in ids:
            reasons.setdefault(model_id, reason)
    return reasons


def _trained_at(folder: Path) -> datetime:
    try:
        manifest = find_manifest(folder)
    except DataError:
        return _NEVER
    return manifest.created_at if manifest else _NEVER
