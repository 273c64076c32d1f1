"""A backup holds what was acknowledged; a restore brings all of it back, or nothing."""

import json
import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.errors import DataError, TriageError
from common.models import journal
from common.models.deployment import roll_back, settle
from common.models.journal import Deployment
from common.models.registry import production_id, verified_manifest
from common.store import Labeled
from common.store.engine import open_store
from common.store.feedback import add_batch, read_feedback
from common.tracking.records import one_upload_at_a_time
from common.upkeep import backup as module
from common.upkeep import restore as restoring
from common.upkeep.backup import BACKUP, save
from common.upkeep.prune import prune
from common.upkeep.restore import restore
from tests.common.upkeep.conftest import Move, Train


class Killed(BaseException):
    pass


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "[1] #2"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """A RUN_DIR that is not there yet."""
    return Settings(run_dir=tmp_path / "elsewhere")


def label(settings: Settings, *texts: str) -> None:
    engine = open_store(settings)
    for text in texts:
        add_batch(engine, [Labeled(text, "other")], by="ada", key=None, body_sha256="")
    engine.dispose()


def labels(settings: Settings) -> list[str]:
    engine = open_store(settings)
    rows = read_feedback(engine)
    engine.dispose()
    return [row.text for row in rows]


def tree(folder: Path) -> dict[str, bytes | str]:
    """All that is no lock, by path: contents, and what links point to."""
    paths = [path for path in folder.rglob("*") if ".cache" not in path.parts]
    paths = [path for path in paths if not path.name.endswith((".lock", "-wal", "-shm", ".db"))]
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in paths
        if path.is_symlink() or path.is_file()
    }


def filled(settings: Settings, train: Train, move: Move) -> list[str]:
    ids = train(3)
    move(ids[0], ids[1])
    label(settings, "first", "second")
    spool = settings.paths.tracking / "spool"
    spool.mkdir(parents=True)
    (spool / "waiting.json").write_text("{}", encoding="utf-8")
    (settings.paths.tracking / "deployments.done").write_text("1\n", encoding="utf-8")
    with closing(sqlite3.connect(settings.paths.tracking / "mlflow.db")) as database:
        database.execute("CREATE TABLE runs (name TEXT)")
        database.execute("INSERT INTO runs VALUES ('one')")
        database.commit()
    shutil.rmtree(settings.paths.tensorboard.parent)  # no part of a backup
    return ids


def test_a_lost_run_dir_comes_back(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings
) -> None:
    ids = filled(settings, train, move)
    before = tree(settings.run_dir)
    save(settings, to=to)
    shutil.rmtree(settings.run_dir)

    restore(elsewhere, source=to)
    assert tree(elsewhere.run_dir) == before
    assert labels(elsewhere) == ["first", "second"]
    models = elsewhere.paths.models
    assert production_id(models) == ids[1]
    for model_id in ids:
        verified_manifest(models, model_id)
    assert roll_back(models, by="ada") == ids[0]
    with closing(sqlite3.connect(elsewhere.paths.tracking / "mlflow.db")) as database:
        assert database.execute("SELECT name FROM runs").fetchall() == [("one",)]


def test_labels_that_are_acknowledged_while_others_write_are_in_it(
    settings: Settings, to: Path, elsewhere: Settings
) -> None:
    engine = open_store(settings)
    add_batch(engine, [Labeled("first", "other")], by="ada", key=None, body_sha256="")
    with closing(sqlite3.connect(settings.paths.store)) as other:
        other.execute("BEGIN IMMEDIATE")  # a request under way
        other.execute("UPDATE feedback SET text = 'changed'")
        assert Path(f"{settings.paths.store}-wal").stat().st_size > 0  # which cp would miss
        save(settings, to=to)
        other.rollback()
    engine.dispose()
    assert [path.name for path in (to / "store").iterdir()] == ["store.db"]
    restore(elsewhere, source=to)
    assert labels(elsewhere) == ["first"]


def test_a_move_that_was_killed_before_the_pointer_is_finished_after_the_restore(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings
) -> None:
    ids = train(2)
    move(ids[0])
    entry = Deployment(action="promote", before=ids[0], to=ids[1], by="ada")
    journal.append(settings.paths.models, entry)
    save(settings, to=to)
    restore(elsewhere, source=to)
    settle(elsewhere.paths.models)
    assert production_id(elsewhere.paths.models) == ids[1]


def test_a_backup_replaces_nothing(settings: Settings, train: Train, to: Path) -> None:
    train(1)
    to.mkdir(parents=True)
    with pytest.raises(TriageError, match="is there already"):
        save(settings, to=to)
    assert list(to.iterdir()) == []


def test_there_must_be_something(settings: Settings, to: Path) -> None:
    with pytest.raises(TriageError, match="has neither store nor models"):
        save(settings, to=to)
    assert list(to.parent.iterdir()) == []


def test_a_model_that_serves_and_is_damaged_is_no_backup(
    settings: Settings, train: Train, move: Move, to: Path
) -> None:
    ids = train(1)
    move(ids[0])
    (settings.paths.models / ids[0] / "tokenizer.json").write_text("1235", encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer\.json differs"):
        save(settings, to=to)
    assert not to.exists()


@pytest.mark.parametrize("step", ["_save_models", "_save_tracking", "write_atomically"])
def test_a_killed_backup_is_none_and_the_next_one_is_whole(
    settings: Settings, train: Train, move: Move, to: Path,
    monkeypatch: pytest.MonkeyPatch, elsewhere: Settings, step: str,
) -> None:  # fmt: skip
    filled(settings, train, move)

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(module, step, die)
        save(settings, to=to)
    assert not to.exists()
    save(settings, to=to)
    restore(elsewhere, source=to)
    assert labels(elsewhere) == ["first", "second"]


def test_a_backup_waits_for_an_upload(
    settings: Settings, train: Train, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(1)
    settings.paths.tracking.mkdir()
    monkeypatch.setattr(module, "_UPLOAD_S", 0.1)
    upload = one_upload_at_a_time(settings, timeout_s=0)
    with upload, pytest.raises(TriageError, match="another process is uploading"):
        save(settings, to=to)
    assert not to.exists()


@pytest.mark.parametrize("harm", ["changed", "missing", "unnamed", "outside", "outside link"])
def test_of_a_damaged_backup_nothing_is_restored(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings, harm: str
) -> None:
    ids = filled(settings, train, move)
    save(settings, to=to)
    last = to / "models" / ids[2] / "tokenizer.json"
    described = json.loads((to / BACKUP).read_text(encoding="utf-8"))
    match harm:
        case "changed":
            last.write_text("1235", encoding="utf-8")
        case "missing":
            last.unlink()
        case "unnamed":
            (to / BACKUP).unlink()
        case "outside":
            described["files"][0]["path"] = "../outside"
        case "outside link":
            described["links"] = {"models/cards/x": "/etc"}
    if harm.startswith("outside"):
        (to / BACKUP).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(DataError):
        restore(elsewhere, source=to)
    assert tree(elsewhere.run_dir) == {}


def test_what_is_there_is_not_replaced(
    settings: Settings, train: Train, move: Move, to: Path
) -> None:
    filled(settings, train, move)
    save(settings, to=to)
    label(settings, "third")
    before = tree(settings.run_dir)
    with pytest.raises(TriageError, match="restore into another RUN_DIR, or move it away first"):
        restore(settings, source=to)
    assert tree(settings.run_dir) == before
    assert labels(settings) == ["first", "second", "third"]


@pytest.mark.parametrize("renamed", [0, 1, 2, 3])
def test_a_killed_restore_serves_nothing_or_all_and_is_ended_by_the_next(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings,
    monkeypatch: pytest.MonkeyPatch, renamed: int,
) -> None:  # fmt: skip
    filled(settings, train, move)
    save(settings, to=to)
    rename, done = Path.rename, 0

    def killing(path: Path, target: Path) -> Any:
        nonlocal done
        if path.parent.name == ".restore":
            if done == renamed:
                raise Killed
            done += 1
        return rename(path, target)

    def killed_last(_: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", killing)
        patched.setattr(restoring, "sync_folder", killed_last)
        restore(elsewhere, source=to)
    assert elsewhere.paths.models.exists() == (renamed == 3)
    restore(elsewhere, source=to)
    assert tree(elsewhere.run_dir) == tree(settings.run_dir)
    assert labels(elsewhere) == ["first", "second"]
    assert not (elsewhere.run_dir / ".restore").exists()


def test_a_restore_that_was_killed_as_it_copied_begins_anew(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings
) -> None:
    filled(settings, train, move)
    save(settings, to=to)
    (elsewhere.run_dir / ".restore" / "models" / "half").mkdir(parents=True)
    restore(elsewhere, source=to)
    assert tree(elsewhere.run_dir) == tree(settings.run_dir)


def test_a_restored_run_dir_can_be_pruned(
    settings: Settings, train: Train, move: Move, to: Path, elsewhere: Settings
) -> None:
    ids = train(3)
    move(ids[0], ids[1])
    save(settings, to=to)
    restore(elsewhere, source=to)
    prune(elsewhere, keep=1, remove=True)
    assert production_id(elsewhere.paths.models) == ids[1]
    assert roll_back(elsewhere.paths.models, by="ada") == ids[0]


def test_it_says_that_postgresql_is_not_in_it(
    settings: Settings, train: Train, to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(1)
    store = settings.store.model_copy(update={"url": "postgresql://x/y"})
    with caplog.at_level(logging.INFO):
        save(settings.model_copy(update={"store": store}), to=to)
    assert "PostgreSQL's own is made by pg_dump" in caplog.text
