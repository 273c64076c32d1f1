"""Open the store: connect, bring its tables up to date, and tell a database that is away.

SQLite runs in WAL mode and waits for the disk at every commit (synchronous FULL), as PostgreSQL
does: what was committed is there after a power cut.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from common.config.schema import Settings
from common.errors import SettingsError, TriageError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_305_118_246_001  # of PostgreSQL's advisory locks, ours while tables change


class StoreAwayError(TriageError):
    """The database does not answer, or is locked for longer than store.timeout_s."""


def open_store(settings: Settings) -> Engine:
    """Connect, and create or migrate the tables where needed.

    Raises:
        SettingsError: if the address is no PostgreSQL address.
        StoreAwayError: if the database does not answer.
        TriageError: if a newer version of this code has changed the tables.
    """
    url, timeout_s = settings.store.url, settings.store.timeout_s
    path = settings.paths.store.resolve()
    if url is not None:
        engine = _postgresql(url.get_secret_value(), timeout_s=timeout_s)
    else:
        engine = _sqlite(path, timeout_s=timeout_s)
    try:
        with reached():
            if url is None:
                _prepare_file(engine, path)
            _migrate(engine)
    except TriageError:
        engine.dispose()
        raise
    return engine


@contextmanager
def reached() -> Iterator[None]:
    """Turn a database's troubles into a StoreAwayError; its messages may quote what is stored."""
    try:
        yield
    except DBAPIError as error:
        kind = type(error.orig).__name__
        raise StoreAwayError(
            f"the store does not answer ({kind}); check that the database of DATABASE_URL runs, or "
            "that RUN_DIR/store can be written, and that its disk is not full"
        ) from None


def now(connection: Connection) -> float:
    """Seconds since 1970 by the one clock that all who use the store share."""
    if connection.dialect.name == "sqlite":
        clock = (func.julianday("now") - 2440587.5) * 86400
    else:
        clock = func.extract("epoch", func.clock_timestamp())
    return float(connection.execute(select(clock)).scalar_one())


def _sqlite(path: Path, *, timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": timeout_s}
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # A transaction that reads first and writes later could else fail half-way, unretried.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _prepare_file(engine: Engine, path: Path) -> None:
    """Make the file; the change to WAL mode, which the first one does, must not meet a second."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")), engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
    except OSError as error:
        raise StoreAwayError(
            f"{path.parent} cannot be written ({error.strerror}); make it writable, or set "
            "DATABASE_URL=postgresql://…"
        ) from None


def _postgresql(address: str, *, timeout_s: float) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError:
        raise SettingsError("store.url (DATABASE_URL) is no address of a database") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(
            f"store.url (DATABASE_URL) names {url.get_backend_name()!r}; give a postgresql:// "
            "address, or none for SQLite in RUN_DIR/store"
        )
    wait = {"connect_timeout": max(1, round(timeout_s))}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=wait
    )

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(timeout_s * 1000)}")

    return engine


def _migrate(engine: Engine) -> None:
    """Bring the tables up to the newest revision, one process at a time."""
    script = ScriptDirectory(str(_MIGRATIONS))
    newest = script.get_current_head()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        with EnvironmentContext(
            Config(),
            script,
            fn=lambda rev, _: script._upgrade_revs(str(newest), rev),  # noqa: SLF001 needed here
        ) as environment:
            environment.configure(connection=connection)
            try:
                environment.run_migrations()
            except CommandError:
                raise TriageError(
                    "the store was changed by a newer version of this code; run that one"
                ) from None
