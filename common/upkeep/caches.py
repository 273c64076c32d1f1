"""RUN_DIR/.cache: what teachers were made into, by kind. All of it can be made anew."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from common.errors import DataError
from common.stage.manifest import find_manifest
from common.upkeep.items import Item, measured

_FOLDERS = ("adapters", "checkpoints", "merged", "onnx", "tuned")
_ID = "[0-9a-f]" * 12


def cache_folders(cache: Path) -> list[Path]:
    """Those that are there."""
    return [cache / name for name in _FOLDERS if (cache / name).is_dir()]


def cached(cache: Path, *, keep: int, busy: str | None) -> Iterator[Item]:
    """Of each kind, those that were used last stay.

    Args:
        cache: RUN_DIR/.cache.
        keep: how many of a kind.
        busy: why all stay; None where nobody uses them.
    """
    used: Counter[str] = Counter()
    for parent in cache_folders(cache):
        for folder in sorted(parent.glob(_ID), key=_last_use, reverse=True):
            kind = _kind(folder)
            used[f"{parent.name} {kind}"] += 1
            recent = kind is not None and used[f"{parent.name} {kind}"] <= keep
            stays = busy or (f"one of the {keep} used last" if recent else None)
            yield measured(f"cache {parent.name}/{folder.name}", [folder], stays=stays)
        for staging in sorted(parent.glob(f".{_ID}.staging-*")):
            yield measured(f"cache {parent.name}/{staging.name}", [staging], stays=busy)


def _last_use(folder: Path) -> float:
    return folder.stat().st_mtime  # common/stage/run.py sets it


def _kind(folder: Path) -> str | None:
    """The stage that made it; None where it is not whole."""
    try:
        manifest = find_manifest(folder)
    except DataError:
        return None
    return manifest.stage if manifest else None
