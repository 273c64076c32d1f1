"""MLflow without a server: SQLite and files in RUN_DIR/mlruns, which go wherever RUN_DIR goes.

MLflow keeps absolute addresses of files; they are set anew where RUN_DIR was moved or copied.
"""

import atexit
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
_ADDRESSES = (("experiments", "artifact_location"), ("runs", "artifact_uri"))


def local_address(folder: Path) -> str:
    """The address of the database in ``folder``, for as long as this process runs.

    Raises:
        sqlite3.Error: if there is a database that can't be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settle_addresses(folder)
    return f"sqlite:///{_linked(folder.resolve()) / DATABASE}"


def settle_addresses(folder: Path) -> None:
    """Let the database name the files beside it, not those where the folder was before.

    Raises:
        sqlite3.Error: if it can't be read or written.
    """
    if not (folder / DATABASE).is_file():
        return
    address = artifacts_address(folder)
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        made = database.execute("SELECT name FROM sqlite_master WHERE name = 'experiments'")
        if made.fetchone() is None:
            return  # killed at its first start
        moved = database.execute(
            "SELECT DISTINCT artifact_location FROM experiments "
            "WHERE artifact_location LIKE 'file:///%/mlruns/artifacts' AND artifact_location <> ?",
            [address],
        ).fetchall()
        for (before,) in moved:
            for table, column in _ADDRESSES:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 ours
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    [address, len(before) + 1, before, len(before) + 1, f"{before}/"],
                )


def artifacts_address(folder: Path) -> str:
    """Where the files of runs lie."""
    return (folder / ARTIFACTS).resolve().as_uri()


@cache
def _linked(folder: Path) -> Path:
    """A link to a folder, with a plain name: MLflow reads more into an address than a name."""
    place = tempfile.TemporaryDirectory(prefix="mlflow-")
    atexit.register(place.cleanup)
    link = Path(place.name, "mlruns")
    link.symlink_to(folder)
    return link
