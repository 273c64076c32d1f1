"""Bring a backup back into a RUN_DIR that has none of it.

python -m common.upkeep.restore --from FOLDER      what `make restore FROM=FOLDER` calls

All files are copied beside their places and checked by sha256 first. Then store, MLflow's files and
models are renamed into place, the models last: until then nothing serves. Killed at any point, the
same command ends it.
"""

import logging
import os
import shutil
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.errors import DataError, TriageError
from common.models.registry import serving_id
from common.stage.files import sha256_of, sync_folder, write_atomically
from common.upkeep.backup import BACKUP, Backup, read_backup
from common.upkeep.lock import one_upkeep_at_a_time

_STAGING = ".restore"
_OTHER = "restore another backup"
logger = logging.getLogger("common.upkeep.restore")


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Bring a backup back into a RUN_DIR that has none of it."
    parser = stage_parser("common.upkeep.restore", summary, sections=["store"])
    parser.add_argument(
        "--from", type=Path, required=True, dest="source", metavar="FOLDER", help="of `make backup`"
    )
    args = parser.parse_args()
    return run_command(args, partial(restore, source=args.source))


def restore(settings: Settings, *, source: Path) -> None:
    """Copy, check, and move into place.

    Raises:
        TriageError: if RUN_DIR has a store, models or MLflow's files already.
        DataError: if the backup is damaged; RUN_DIR is then as it was.
    """
    backup = read_backup(source)
    staging = settings.run_dir / _STAGING
    with one_upkeep_at_a_time(settings):
        if not (staging / BACKUP).is_file() or read_backup(staging) != backup:
            _require_free(settings, {Path(record.path).parts[0] for record in backup.files})
            shutil.rmtree(staging, ignore_errors=True)
            _stage(source, backup, staging)
        for place in _places(settings):
            if (staging / place.name).is_dir():
                _require_free(settings, {place.name})
                (staging / place.name).rename(place)
        sync_folder(settings.run_dir)
        shutil.rmtree(staging)
    made = f"{backup.created_at:%Y-%m-%d %H:%M} UTC"
    serving = serving_id(settings.paths.models) or "no model"
    logger.info("restored the backup of %s in %s; %s serves", made, settings.run_dir, serving)
    if settings.store.url is not None:
        logger.info("restored: the store is PostgreSQL's; pg_restore brings that back")


def _places(settings: Settings) -> tuple[Path, ...]:
    """Of all that a backup holds, in the order in which it appears."""
    return settings.paths.store.parent, settings.paths.tracking, settings.paths.models


def _require_free(settings: Settings, names: Collection[str]) -> None:
    for place in _places(settings):
        if place.name in names and place.exists():
            raise TriageError(
                f"{place} is there; restore into another RUN_DIR, or move it away first"
            )


def _stage(source: Path, backup: Backup, staging: Path) -> None:
    """Fill ``staging`` with what backup.json names, itself last."""
    try:
        for record in backup.files:
            copied = _inside(staging, record.path)
            copied.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy2(_inside(source, record.path), copied)
            except FileNotFoundError:
                raise DataError(f"{source / record.path} is missing; {_OTHER}") from None
            if sha256_of(copied) != record.sha256:
                raise DataError(f"{source / record.path} is not as {BACKUP} has it; {_OTHER}")
        for name, target in backup.links.items():
            link = _inside(staging, name)
            _inside(link.parent, target)
            link.symlink_to(target)
    except DataError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    os.sync()
    write_atomically(staging / BACKUP, backup.model_dump_json(indent=2) + "\n")


def _inside(folder: Path, name: str) -> Path:
    """A path below a folder; a backup names no other."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{BACKUP} names {name[:100]!r}, which is outside of it; {_OTHER}")
    return folder / name


if __name__ == "__main__":
    sys.exit(main())
