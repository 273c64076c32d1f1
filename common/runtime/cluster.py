"""Workers on other machines: they get this code as a zip, and must see the folders of a run.

Packages of other projects are not shipped: each machine has them, in the Python that PYSPARK_PYTHON
names.
"""

import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.errors import TriageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("common", "b_transformation", "c_classification", "e_apification")
_ZIP = "message_triage.zip"
_LEAST_TASKS = 8  # more than one a machine, where not all machines have reported yet


def is_local(master: str) -> bool:
    """Whether the workers are processes of this machine, which see its files."""
    return master == "local" or master.startswith("local[")


def ship_code(session: "SparkSession", folder: Path) -> None:
    """Give the workers the packages of this checkout; ``folder`` is kept as long as the session."""
    archive = folder / _ZIP
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for package in _PACKAGES:
            for path in sorted((ROOT / package).rglob("*.py")):
                file.write(path, path.relative_to(ROOT))
    session.sparkContext.addPyFile(str(archive))


def require_shared(session: "SparkSession", folder: Path | None) -> None:
    """Check that workers run this code, and see ``folder`` (None: need not) where it is here.

    Raises:
        TriageError: naming the machines that don't see it, or what a worker lacks.
    """
    mark = tempfile.NamedTemporaryFile(dir=folder, prefix=".shared-")  # noqa: SIM115 closed below
    path = Path(mark.name).resolve()

    def look(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import common.errors  # noqa: F401 it must have been shipped

        for _ in batches:
            yield pa.record_batch([[os.uname().nodename], [path.exists()]], ["host", "sees"])

    tasks = max(_LEAST_TASKS, 2 * session.sparkContext.defaultParallelism)
    try:
        with mark:
            found = session.range(0, tasks, 1, tasks).mapInArrow(look, "host string, sees boolean")
            rows = found.distinct().collect()
    except Exception as error:  # noqa: BLE001 of Java, of Python on another machine
        lines = [line.strip() for line in str(error).splitlines() if "Error" in line]
        raise TriageError(
            f"the workers of {session.sparkContext.master} can't run this project "
            f"({(lines or [type(error).__name__])[-1][:300]}): each machine needs its packages, in "
            f"the Python at {os.environ['PYSPARK_PYTHON']} (PYSPARK_PYTHON)"
        ) from None
    blind = sorted({row.host for row in rows if not row.sees})
    if folder is not None and blind:
        raise TriageError(
            f"{', '.join(blind)} can't see {folder.resolve()}; RUN_DIR must lie on a disk that all "
            "machines mount at the same path"
        )
