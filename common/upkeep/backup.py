"""Copy what can't be made anew: the store, the models with their journal, MLflow's files.

python -m common.upkeep.backup --to FOLDER      what `make backup TO=FOLDER` calls

A backup is a folder that appears whole or not at all. Its backup.json names each file with its
sha256. SQLite copies its own files, while others write. Data come from their source and reports
from data and models, so neither is in a backup.
"""

import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.errors import DataError, TriageError
from common.locks import reading
from common.models.deployment import one_move_at_a_time
from common.models.journal import JOURNAL
from common.models.registry import POINTER, cards_folder, production_id, verified_served
from common.models.retention import model_ids
from common.models.verdict import FOLDER as VERDICTS
from common.stage.files import sha256_of, sync_folder, write_atomically
from common.stage.manifest import FileRecord
from common.tracking.local import DATABASE
from common.tracking.records import one_upload_at_a_time
from common.upkeep.items import shown_bytes
from common.upkeep.lock import one_upkeep_at_a_time

BACKUP = "backup.json"
_UPLOAD_S = 120
_HIDDEN = shutil.ignore_patterns(".*")  # locks, and what is being built
logger = logging.getLogger("common.upkeep.backup")


class Backup(BaseModel):
    """backup.json. links: symbolic links and what they point to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    created_at: datetime
    files: tuple[FileRecord, ...]
    links: dict[str, str]


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Copy the store, the models and MLflow's files of RUN_DIR."
    parser = stage_parser("common.upkeep.backup", summary, sections=["store"])
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new folder")
    args = parser.parse_args()
    return run_command(args, partial(save, to=args.to))


def save(settings: Settings, *, to: Path) -> Backup:
    """Make the folder ``to``.

    Raises:
        TriageError: if it is there, or there is nothing to copy.
        DataError: if the model that serves, or a database, is damaged.
    """
    if to.exists():
        raise TriageError(f"{to} is there already; give the folder of the backup a new name")
    work = to.with_name(f".{to.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with one_upkeep_at_a_time(settings):
        _save_store(settings.paths.store, work)
        _save_models(settings.paths.models, work)
        _save_tracking(settings, work)
    backup = Backup(
        created_at=datetime.now(UTC), files=tuple(_records(work)), links=dict(_links(work))
    )
    if not backup.files:
        work.rmdir()
        raise TriageError(f"{settings.run_dir} has neither store nor models; name another RUN_DIR")
    write_atomically(work / BACKUP, backup.model_dump_json(indent=2) + "\n")
    os.sync()
    work.rename(to)
    sync_folder(to.parent)
    size = shown_bytes(sum(record.bytes for record in backup.files))
    logger.info("backup: %s files, %s, in %s", f"{len(backup.files):,}", size, to)
    if settings.store.url is not None:
        logger.info("backup: the store is not in it; PostgreSQL's own is made by pg_dump")
    return backup


def read_backup(folder: Path) -> Backup:
    """What a backup holds.

    Raises:
        DataError: if it is none.
    """
    try:
        return Backup.model_validate_json((folder / BACKUP).read_bytes())
    except FileNotFoundError:
        raise DataError(f"{folder} is no backup: it has no {BACKUP}") from None
    except ValidationError:
        raise DataError(f"{folder / BACKUP} is damaged; restore another backup") from None


def _save_store(store: Path, work: Path) -> None:
    if store.is_file():
        _copy_database(store, work / store.parent.name / store.name)


def _save_models(models: Path, work: Path) -> None:
    """First the journal, so that every model that it names by then is copied after it."""
    if not models.is_dir():
        return
    copied = work / models.name
    copied.mkdir()
    with one_move_at_a_time(models):
        for name in (POINTER, JOURNAL):
            if (models / name).is_file():
                shutil.copy2(models / name, copied / name)
    for model_id in model_ids(models):
        shutil.copytree(models / model_id, copied / model_id, ignore=_HIDDEN)
        cards = cards_folder(models, model_id)
        with reading(cards):
            if cards.is_dir():
                target = cards.resolve().name
                shutil.copytree(cards, cards_folder(copied, target), ignore=_HIDDEN)
                cards_folder(copied, model_id).symlink_to(target)
    if (models / VERDICTS).is_dir():
        shutil.copytree(models / VERDICTS, copied / VERDICTS, ignore=_HIDDEN)
    for database in models.glob("*.db"):
        _copy_database(database, copied / database.name)
    if (serving := production_id(copied)) is not None:
        verified_served(copied, serving)


def _save_tracking(settings: Settings, work: Path) -> None:
    tracking = settings.paths.tracking
    if not tracking.is_dir():
        return
    copied = work / tracking.name
    unwanted = shutil.ignore_patterns(".*", f"{DATABASE}*")
    with one_upload_at_a_time(settings, timeout_s=_UPLOAD_S):
        shutil.copytree(tracking, copied, ignore=unwanted)
        if (tracking / DATABASE).is_file():
            _copy_database(tracking / DATABASE, copied / DATABASE)


def _copy_database(source: Path, target: Path) -> None:
    """As of one moment, with all that is committed by then, in one file."""
    target.parent.mkdir(exist_ok=True)
    try:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
            read.backup(written)
            written.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise DataError(f"{source} can't be copied ({error}); restore it first") from None


def _records(work: Path) -> Iterator[FileRecord]:
    for path in sorted(work.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(work).as_posix()
            yield FileRecord(path=name, bytes=path.stat().st_size, sha256=sha256_of(path))


def _links(work: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(work.rglob("*")):
        if path.is_symlink():
            yield path.relative_to(work).as_posix(), str(path.readlink())


if __name__ == "__main__":
    sys.exit(main())
