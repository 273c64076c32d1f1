"""The one way to start Spark: checked Java, memory from settings, UTC, quiet.

Paths and columns have the names they are given: ``read_parquet``, ``write_parquet``, ``column``.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from common.config.spark import SparkSettings
from common.log import is_quiet, is_verbose
from common.runtime.cluster import is_local, require_shared, ship_code
from common.runtime.java import find_java_home
from common.runtime.start import start_spark

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

ROOT = Path(__file__).resolve().parents[2]
# For jobs of minutes, not days: compile only what is very hot (a sixth of all CPU time goes to the
# compiler otherwise), and make room for Spark's classes at once.
JAVA_OPTIONS = (
    "-XX:+UseParallelGC -XX:MetaspaceSize=256m "
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=20000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=1000000"
)


@contextmanager
def spark_session(
    settings: SparkSettings, *, app: str, shared: Path | None = None
) -> "Iterator[SparkSession]":
    """A session that is stopped at the end, also after an error.

    Args:
        settings: of the engine.
        app: its name.
        shared: a folder that the workers read and write, as they would on one machine.

    Raises:
        TriageError: if no Java 17 or 21 is found, Spark does not start, or workers on other
            machines can't run the project or don't see ``shared``.
    """
    os.environ["JAVA_HOME"] = str(find_java_home())
    local = is_local(settings.master)
    given = {"PYSPARK_PYTHON": sys.executable, "SPARK_CONF_DIR": str(ROOT / "conf" / "spark")}
    if local:
        # Nothing outside this machine takes part.
        os.environ.update(given, SPARK_LOCAL_IP="127.0.0.1")
    else:
        for name, value in given.items():
            os.environ.setdefault(name, value)
    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
    if sys.flags.utf8_mode:  # as Python reads names where there is no locale; Java follows it
        os.environ["LC_ALL"] = "C.UTF-8"

    from pyspark import SparkConf

    conf = SparkConf().setAppName(app).setMaster(settings.master)
    session = start_spark(conf.setAll(list(own_options(settings).items())))
    try:
        with tempfile.TemporaryDirectory(prefix="triage-") as folder:
            if not local:
                ship_code(session, Path(folder))
                require_shared(session, shared)
            yield session
    finally:
        session.stop()


def column(name: str) -> "Column":
    """The column of just that name, whatever characters it has."""
    from pyspark.sql import functions as F

    return F.col("`" + name.replace("`", "``") + "`")


def read_parquet(
    session: "SparkSession", *paths: Path, schema: "StructType | str | None" = None
) -> "DataFrame":
    """Parquet files or folders of just those names: no pattern, no address.

    Args:
        session: what reads.
        paths: seen by every worker.
        schema: the columns to read; None: those of the files.
    """
    reader = session.read.option("__globPaths__", "false")
    if schema is not None:
        reader = reader.schema(schema)
    return reader.parquet(*map(address_of, paths))


def write_parquet(
    frame: "DataFrame",
    path: Path,
    *,
    options: Mapping[str, str] = {},
    partition_by: Sequence[str] = (),
) -> None:
    """Write a folder of Parquet files of just that name, in place of one that is there.

    Args:
        frame: the rows.
        path: seen by every worker.
        options: of Spark's writer.
        partition_by: columns whose values become folders.
    """
    writer = frame.write.mode("overwrite").options(**options)
    writer.partitionBy(*partition_by).parquet(address_of(path))


def address_of(place: Path | str) -> str:
    """How Spark finds a file or folder on a disk, whichever file system a cluster has besides."""
    return place if isinstance(place, str) else f"file:{place.resolve()}"


def own_options(settings: SparkSettings) -> dict[str, str]:
    """Spark's own options, which stand above those of spark-defaults.conf."""
    return {
        "spark.driver.memory": settings.driver_memory,
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **({"spark.executorEnv.PYTHONPATH": str(ROOT)} if is_local(settings.master) else {}),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty() and not is_quiet()).lower(),
        "spark.sql.warehouse.dir": (ROOT / ".cache" / "warehouse").as_uri(),
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.driver.extraJavaOptions": JAVA_OPTIONS,
        **({"spark.log.level": "WARN"} if is_verbose() else {}),
    }
