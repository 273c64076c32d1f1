"""Make room in RUN_DIR: old models with all that is theirs, old caches, what killed commands left.

python -m common.upkeep.prune --keep 5      what `make prune KEEP=5` calls; without --keep, a list

What goes is first renamed to .NAME.pruned, under the lock of those who use it, and removed last. So
a prune that is killed leaves no half model, and the next one removes the rest.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from common.config.cli import run_command, stage_parser
from common.config.paths import Paths
from common.config.schema import Settings
from common.errors import TriageError
from common.models.deployment import one_move_at_a_time
from common.models.registry import cards_folder
from common.models.retention import model_ids, needed_models
from common.models.verdict import FOLDER as VERDICTS
from common.stage.run import single_writer
from common.tracking.records import read_record, spooled
from common.upkeep.caches import cache_folders, cached
from common.upkeep.items import Item, delete, hidden_in, hide, measured, report_lines, shown_bytes
from common.upkeep.lock import one_upkeep_at_a_time

KEEP = 5
_ID = "[0-9a-f]" * 12
_BUSY = "another command writes it"
_INTERRUPTED = "an interrupted run, which the same command goes on with"
_WAITING = "waits for its upload to MLflow"


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Remove old models and caches of RUN_DIR, and what killed commands left."
    parser = stage_parser("common.upkeep.prune", summary, sections=[])
    parser.add_argument(
        "--keep", type=_count, metavar="N", help=f"remove; without it, list what {KEEP} removes"
    )
    args = parser.parse_args()
    remove = args.keep is not None
    return run_command(args, partial(_command, keep=args.keep or KEEP, remove=remove))


def prune(settings: Settings, *, keep: int, remove: bool) -> list[Item]:
    """Find what goes and what stays, and why; remove what goes.

    Args:
        settings: the run's.
        keep: so many stay of the newest models, of those that served before the present one, and of
            each kind of cache.
        remove: False only looks.

    Raises:
        TriageError: if a prune or backup is at work, or a deployment that does not end.
    """
    found: list[Item] = []
    if not settings.run_dir.is_dir():
        return found
    with one_upkeep_at_a_time(settings):
        if left := hidden_in(_folders(settings.paths)):
            found.append(measured("what a killed prune left", left, stays=None))
        if remove:
            _delete_hidden(settings.paths)
        for item in _items(settings, keep):  # which holds the item's lock until the next one
            found.append(item)
            if remove and item.stays is None:
                hide(item)
        if remove:
            _delete_hidden(settings.paths)
    return found


def _items(settings: Settings, keep: int) -> Iterator[Item]:
    paths = settings.paths
    reasons = dict.fromkeys(_interrupted(paths.snapshots)[:1], _INTERRUPTED)
    records = map(read_record, spooled(settings))
    reasons |= {record.model: _WAITING for record in records if record.model}
    yield from _models(paths.models, keep=keep, reasons=reasons, beside=_beside(paths))
    yield from _models(paths.registry, keep=keep, reasons={}, beside=[])
    for output in (paths.raw, paths.curated, paths.labeled, paths.scored, paths.feedback):
        if output.parent.is_dir():
            yield from _versions(output, resumable=output == paths.labeled)
    if cache_folders(paths.cache):
        with _free(paths.labeled) as free:
            yield from cached(paths.cache, keep=keep, busy=None if free else _BUSY)


def _models(
    models: Path, *, keep: int, reasons: Mapping[str, str], beside: Sequence[Path]
) -> Iterator[Item]:
    """Each model with what lies beside it, and what is left of models that are not there."""
    if not models.is_dir():
        return
    with one_move_at_a_time(models):
        parts = {name: [models / name] for name in model_ids(models)}
        for path in _parts_in(models, *beside):
            parts.setdefault(path.name.lstrip(".")[:12], []).append(path)
        needed = {**reasons, **needed_models(models, keep=keep)}
        for name, paths in parts.items():
            with _free(models / name) as free:
                stays = needed.get(name) or (None if free else _BUSY)
                yield measured(f"{models.name}/{name}", paths, stays=stays)


def _parts_in(models: Path, *beside: Path) -> Iterator[Path]:
    for folder in beside:
        yield from sorted(folder.glob(_ID))
        yield from sorted(folder.glob(f"{_ID}.*"))
    for folder in (models, *beside):
        yield from sorted(folder.glob(f".{_ID}.staging-*"))


def _interrupted(snapshots: Path) -> list[str]:
    """Models whose training was interrupted, the last one first."""
    found = sorted(snapshots.glob(_ID), key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.name for path in found]


def _versions(output: Path, *, resumable: bool) -> Iterator[Item]:
    """What a stage has published before, or began to build."""
    folder, name = output.parent, output.name
    if not folder.is_dir():
        return
    with _free(output) as free:
        busy = None if free else _BUSY
        for path in sorted(folder.glob(f"{name}.*")):
            if path.is_dir() and path.resolve() != output.resolve():
                yield measured(f"{folder.name}/{path.name}", [path], stays=busy)
        for path in sorted(folder.glob(f".{name}.staging-*")):
            stays = busy or (_INTERRUPTED if resumable else None)
            yield measured(f"{folder.name}/{path.name}", [path], stays=stays)


def _beside(paths: Paths) -> list[Path]:
    """Where more of a model lies, by its id."""
    return [
        cards_folder(paths.models, ""),
        paths.models / VERDICTS,
        paths.tensorboard,
        paths.snapshots,
    ]


def _folders(paths: Paths) -> list[Path]:
    """All in which something may be hidden."""
    return [
        paths.models,
        *_beside(paths),
        paths.registry,
        paths.raw.parent,
        *cache_folders(paths.cache),
    ]


def _delete_hidden(paths: Paths) -> None:
    for path in hidden_in(_folders(paths)):
        delete(path)


@contextmanager
def _free(output: Path) -> Iterator[bool]:
    """Whether no other command writes ``output``; none begins to within the block."""
    with ExitStack() as held:
        try:
            held.enter_context(single_writer(output))
        except TriageError:
            yield False
        else:
            yield True


def _command(settings: Settings, *, keep: int, remove: bool) -> None:
    found = prune(settings, keep=keep, remove=remove)
    freed = shown_bytes(sum(item.bytes for item in found if item.stays is None))
    done = f"freed {freed}" if remove else f"`make prune KEEP={keep}` frees {freed}"
    sys.stdout.write("\n".join([*report_lines(found), done]) + "\n")


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of models, 1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
