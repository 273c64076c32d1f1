"""The models of a RUN_DIR, each with what lies beside its folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.config.paths import Paths
from common.models.deployment import one_move_at_a_time
from common.models.registry import cards_folder
from common.models.retention import model_ids, needed_models
from common.models.verdict import FOLDER as VERDICTS
from common.stage.run import single_writer
from common.upkeep.items import Item, measured
from common.upkeep.lock import BUSY, is_free

_ID = "[0-9a-f]" * 12


def beside_models(paths: Paths) -> list[Path]:
    """Folders where more of a model lies, by its id."""
    cards, verdicts = cards_folder(paths.models, ""), paths.models / VERDICTS
    return [cards, verdicts, paths.tensorboard, paths.snapshots]


def interrupted_trainings(snapshots: Path) -> list[str]:
    """Ids of the models to be, the last one first."""
    found = sorted(snapshots.glob(_ID), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.name for path in found]


def model_folders(
    models: Path, *, keep: int, reasons: Mapping[str, str], beside: Sequence[Path]
) -> Iterator[Item]:
    """Models with all that is theirs, and what is left of models that have no folder.

    Args:
        models: the folder of all models.
        keep: as ``needed_models`` has it.
        reasons: why further models stay, by id.
        beside: folders where more of a model lies.
    """
    if not models.is_dir():
        return
    with one_move_at_a_time(models):
        parts = {name: [models / name] for name in model_ids(models)}
        for path in _parts_in(models, *beside):
            parts.setdefault(path.name.lstrip(".")[:12], []).append(path)
        needed = {**reasons, **needed_models(models, keep=keep)}
        for name, paths in parts.items():
            with is_free(single_writer(models / name)) as free:
                stays = needed.get(name) or (None if free else BUSY)
                yield measured(f"{models.name}/{name}", paths, stays=stays)


def _parts_in(models: Path, *beside: Path) -> Iterator[Path]:
    for folder in beside:
        yield from sorted(folder.glob(_ID))
        yield from sorted(folder.glob(f"{_ID}.*"))
    for folder in (models, *beside):
        yield from sorted(folder.glob(f".{_ID}.staging-*"))
