"""Spark takes paths and columns for the names they are."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.runtime.spark import column, read_parquet, write_parquet
from tests.names import COLUMNS, FILES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("name", FILES)
def test_a_path_is_a_name(
    spark: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / name / "part.parquet")

    write_parquet(read_parquet(spark, Path(name)), Path(name) / name)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    parts = (tmp_path / name / name).glob("*.parquet")
    assert [text for part in parts for text in pq.read_table(part)["text"].to_pylist()] == [
        "a",
        "b",
    ]
    file = Path(name) / "part.parquet"
    assert read_parquet(spark, file, schema="text string").count() == 2


def test_neighbors_are_not_read(spark: "SparkSession", tmp_path: Path) -> None:
    for name, rows in (("[q1]", 1), ("q", 2), ("a?b", 3), ("axb", 4), ("{a,b}", 5), ("a", 6)):
        write_parquet(spark.range(rows), tmp_path / name)
    counts = [read_parquet(spark, tmp_path / name).count() for name in ("[q1]", "a?b", "{a,b}")]
    assert counts == [1, 3, 5]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_called_anything(spark: "SparkSession", tmp_path: Path, name: str) -> None:
    from pyspark.sql.types import StringType, StructField, StructType

    pq.write_table(pa.table({name: ["a"]}), tmp_path / "part.parquet")
    schema = StructType([StructField(name, StringType())])
    raw = read_parquet(spark, tmp_path / "part.parquet", schema=schema)

    kept = raw.withColumn("raw_text", column(name)).select("raw_text", column(name))
    write_parquet(kept, tmp_path / "out")

    read = read_parquet(spark, tmp_path / "out")
    assert (read.columns, read.collect()) == (["raw_text", name], [("a", "a")])


def test_columns_may_differ_in_case_alone(spark: "SparkSession", tmp_path: Path) -> None:
    pq.write_table(pa.table({"Text": ["A"], "text": ["b"]}), tmp_path / "part.parquet")
    both = read_parquet(spark, tmp_path / "part.parquet").select(column("text"), column("Text"))
    write_parquet(both, tmp_path / "out")
    assert read_parquet(spark, tmp_path / "out").collect() == [("b", "A")]
