"""Opening a store: migration, durability, and what is said where it cannot be."""

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Engine, text

from common.config.schema import Settings
from common.config.settings import ROOT, load_settings
from common.config.store import StoreSettings
from common.errors import SettingsError, TriageError
from common.store import has_store
from common.store.engine import StoreAwayError, now, open_store
from common.store.jobs import find_job
from common.store.tables import metadata


def test_migrations_make_the_tables_that_the_code_reads(store: Engine) -> None:
    with store.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_job_of_the_first_version_keeps_its_model(store_settings: Settings) -> None:
    engine = open_store(store_settings)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "common" / "store" / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO jobs (state, asked_by, asked_at, attempts, experiment_id, reasons) "
                "VALUES ('succeeded', 'ada', 1.5, 1, '0123456789ab', '[]')"
            )
        )
    engine.dispose()
    engine = open_store(store_settings)
    job = find_job(engine, 1)
    assert job is not None
    assert (job.model_id, job.asked_by, job.asked_at) == ("0123456789ab", "ada", 1.5)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_store_is_opened_by_many_at_once(store_settings: Settings) -> None:
    engines: list[Engine] = []
    threads = [
        threading.Thread(target=lambda: engines.append(open_store(store_settings)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 6
    for engine in engines:
        engine.dispose()


def test_the_clock_is_that_of_the_world(store: Engine) -> None:
    import time

    with store.begin() as connection:
        assert abs(now(connection) - time.time()) < 5


def test_sqlite_waits_for_the_disk_and_lets_readers_in(tmp_path: Path) -> None:
    engine = open_store(Settings(run_dir=tmp_path))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    engine.dispose()


def test_tables_of_a_newer_version_are_left_alone(store_settings: Settings, store: Engine) -> None:
    with store.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(TriageError, match="changed by a newer version of this code"):
        open_store(store_settings)


def test_a_store_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    assert stat.S_ISREG((tmp_path / "store").stat().st_mode)
    with pytest.raises(StoreAwayError, match=r"cannot be written .* set DATABASE_URL=postgresql"):
        open_store(Settings(run_dir=tmp_path))


def test_a_locked_store_is_said_in_time(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path, store=StoreSettings(timeout_s=0.1))
    engine = open_store(settings)
    with engine.begin(), pytest.raises(StoreAwayError, match="does not answer"):
        open_store(settings)
    engine.dispose()


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("mysql://ada:hidden@db/x", SettingsError, "names 'mysql'; give a postgresql://"),
        ("hidden", SettingsError, "is no address of a database"),
        ("postgresql://ada:hidden@127.0.0.1:1/x", StoreAwayError, "does not answer"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(
    address: str, error: Any, said: str
) -> None:
    settings = Settings(store=StoreSettings(url=SecretStr(address), timeout_s=1))
    with pytest.raises(error, match=said) as caught:
        open_store(settings)
    assert "hidden" not in str(caught.value)


def test_database_url_is_the_address(tmp_path: Path) -> None:
    loaded = load_settings(environ={"DATABASE_URL": "postgresql://db/x"}).settings
    assert loaded.store.url is not None
    assert loaded.store.url.get_secret_value() == "postgresql://db/x"
    assert has_store(loaded)


def test_looking_for_a_store_makes_none(tmp_path: Path) -> None:
    assert not has_store(Settings(run_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []
