"""Make room in RUN_DIR: old models with all that is theirs, old caches and studies, leftovers.

python -m common.upkeep.prune --keep 5      what `make prune KEEP=5` calls; without --keep, a list

What goes is first renamed to .NAME.pruned, under the lock of those who use it, and removed last. So
a prune that is killed leaves no half model, and the next one removes the rest.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from common.config.cli import run_command, stage_parser
from common.config.paths import Paths
from common.config.schema import Settings
from common.stage.run import single_writer
from common.tracking.local import ARTIFACTS
from common.tracking.records import read_record, spooled
from common.upkeep.caches import cache_folders, cached
from common.upkeep.items import Item, delete, hidden_in, hide, measured, report_lines, shown_bytes
from common.upkeep.lock import BUSY, is_free, one_upkeep_at_a_time
from common.upkeep.model_folders import beside_models, interrupted_trainings, model_folders
from common.upkeep.studies import tuning_studies
from common.upkeep.versions import registered_copies

KEEP = 5
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
    if not settings.run_dir.is_dir():
        return []
    with one_upkeep_at_a_time(settings):
        found = _prune(settings, keep=keep, remove=remove)
        smoke = settings.model_copy(update={"run_dir": settings.paths.smoke})
        if smoke.run_dir.is_dir():
            of_smoke = _prune(smoke, keep=keep, remove=remove)
            found += [item._replace(name=f".smoke/{item.name}") for item in of_smoke]
    return found


def _prune(settings: Settings, *, keep: int, remove: bool) -> list[Item]:
    found: list[Item] = []
    if left := hidden_in(_folders(settings.paths)):
        found.append(measured("what a killed prune left", left, stays=None))
    if remove:
        _delete_hidden(settings.paths)
    try:
        for item in _items(settings, keep, remove):  # which holds its lock until the next one
            found.append(item)
            if remove and item.stays is None:
                hide(item)
    finally:
        if remove:
            _delete_hidden(settings.paths)
    return found


def _items(settings: Settings, keep: int, remove: bool) -> Iterator[Item]:
    paths = settings.paths
    reasons = dict.fromkeys(interrupted_trainings(paths.snapshots)[:1], _INTERRUPTED)
    records = map(read_record, spooled(settings))
    reasons |= {record.model: _WAITING for record in records if record.model}
    beside, stay = beside_models(paths), set[str]()
    for item in model_folders(paths.models, keep=keep, reasons=reasons, beside=beside):
        if item.stays is not None:
            stay.add(item.name.rpartition("/")[2])
        yield item
    yield from model_folders(paths.registry, keep=keep, reasons={}, beside=[])
    for output in (paths.raw, paths.curated, paths.labeled, paths.scored, paths.feedback):
        if output.parent.is_dir():
            yield from _versions(output, resumable=output == paths.labeled)
    if cache_folders(paths.cache):
        with is_free(single_writer(paths.labeled)) as free:
            yield from cached(paths.cache, keep=keep, busy=None if free else BUSY)
    yield from tuning_studies(paths.studies, models=stay, keep=keep, remove=remove)
    yield from registered_copies(settings, models=stay, remove=remove)


def _versions(output: Path, *, resumable: bool) -> Iterator[Item]:
    """What a stage has published before, or began to build."""
    folder, name = output.parent, output.name
    if not folder.is_dir():
        return
    with is_free(single_writer(output)) as free:
        busy = None if free else BUSY
        for path in sorted(folder.glob(f"{name}.*")):
            if path.is_dir() and path.resolve() != output.resolve():
                yield measured(f"{folder.name}/{path.name}", [path], stays=busy)
        for path in sorted(folder.glob(f".{name}.staging-*")):
            stays = busy or (_INTERRUPTED if resumable else None)
            yield measured(f"{folder.name}/{path.name}", [path], stays=stays)


def _folders(paths: Paths) -> list[Path]:
    """All in which something may be hidden."""
    return [
        paths.models,
        *beside_models(paths),
        paths.registry,
        paths.raw.parent,
        *cache_folders(paths.cache),
        *(paths.tracking / ARTIFACTS).glob("*/artifacts"),
    ]


def _delete_hidden(paths: Paths) -> None:
    for path in hidden_in(_folders(paths)):
        delete(path)


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
