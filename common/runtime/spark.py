"""The one way to start Spark: checked Java, memory from settings, UTC, quiet.

Paths and columns have the names they are given: ``read_parquet``, ``write_parquet``, ``column``.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from common.config.spark import SparkSettings
from common.runtime.java import find_java_home

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
def spark_session(settings: SparkSettings, *, app: str) -> "Iterator[SparkSession]":
    """A session that is stopped at the end, also after an error.

    Raises:
        TriageError: if no Java 17 or 21 is found.
    """
    os.environ["JAVA_HOME"] = str(find_java_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_CONF_DIR"] = str(ROOT / "conf" / "spark")
    if settings.master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # nothing outside this machine takes part
    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)

    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.appName(app)
        .master(settings.master)
        .config("spark.driver.memory", settings.driver_memory)
        .config("spark.sql.shuffle.partitions", settings.shuffle_partitions)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.caseSensitive", "true")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
        .config("spark.sql.warehouse.dir", str(ROOT / ".cache" / "warehouse"))
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.driver.extraJavaOptions", JAVA_OPTIONS)
    )
    session = builder.getOrCreate()
    try:
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
    return reader.parquet(*(str(path.resolve()) for path in paths))


def write_parquet(frame: "DataFrame", path: Path, *, options: Mapping[str, str] = {}) -> None:
    """Write a folder of Parquet files of just that name, in place of one that is there."""
    frame.write.mode("overwrite").options(**options).parquet(str(path.resolve()))
