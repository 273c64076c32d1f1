from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.quality.written import Written, count_rows, read_written

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SCHEMA = pa.schema(
    [
        ("tweet_id", pa.int64()),
        ("author_id", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("brand", pa.string()),
        ("conversation_id", pa.int64()),
        ("is_opener", pa.bool_()),
        ("text", pa.string()),
        ("clean_text", pa.string()),
        ("lang", pa.string()),
    ]
)
HALLOWEEN = datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)
NEW_YEAR = datetime(2018, 1, 1, tzinfo=UTC)
EARLY = datetime(2016, 2, 29, 8, 0, 0, tzinfo=UTC)


def write(path: Path, *rows: tuple[Any, ...], group_size: int | None = None) -> None:
    columns = zip(SCHEMA, zip(*rows, strict=True), strict=True)
    arrays = [pa.array(values, field.type) for field, values in columns]
    pq.write_table(pa.table(arrays, schema=SCHEMA), path, row_group_size=group_size)


@pytest.mark.parametrize("by_spark", [False, True])
def test_figures_of_two_files(spark: "SparkSession", tmp_path: Path, by_spark: bool) -> None:
    write(
        tmp_path / "a.parquet",
        (1, "7", HALLOWEEN, "Shop", 1, True, "Hi 😀", "hi", "en"),
        (2, None, NEW_YEAR, None, 1, False, "hola", "hola", None),
    )
    write(
        tmp_path / "b.parquet",
        (3, "8", EARLY, "", 3, True, "where is it", "where is it", "en"),
        (2, "8", None, "Bank", 1, False, "gracias", "gracias", "es"),
        (5, "8", EARLY, None, 99, False, "and now", "and now", "en"),
    )
    assert read_written(tmp_path, spark=spark if by_spark else None) == Written(
        rows=5,
        distinct_ids=4,
        nulls_in_keys={
            "tweet_id": 0, "conversation_id": 0, "is_opener": 0, "text": 0, "clean_text": 0,
        },
        first_created_at=EARLY,
        last_created_at=NEW_YEAR,
        languages={"en": 3, "unknown": 1, "es": 1},
        openers=2,
        with_brand=3,
    )  # fmt: skip


def test_languages_come_most_frequent_first(tmp_path: Path) -> None:
    rows = [(n, None, None, None, n, True, "x", "x", lang) for n, lang in
            enumerate(["fr", None, "en", None, "en", None])]  # fmt: skip
    write(tmp_path / "a.parquet", *rows)
    assert list(read_written(tmp_path).languages.items()) == [("unknown", 3), ("en", 2), ("fr", 1)]


@pytest.mark.parametrize("group_size", [None, 1])
def test_nulls_in_keys_are_counted_over_files_and_row_groups(
    tmp_path: Path, group_size: int | None
) -> None:
    write(
        tmp_path / "a.parquet",
        (1, None, None, None, None, True, None, "a", None),
        (2, None, None, None, 2, None, "b", None, None),
        group_size=group_size,
    )
    write(tmp_path / "b.parquet", (None, None, None, None, None, True, "c", "c", None))
    written = read_written(tmp_path)
    assert written.nulls_in_keys == {
        "tweet_id": 1, "conversation_id": 2, "is_opener": 1, "text": 1, "clean_text": 1,
    }  # fmt: skip
    assert (written.first_created_at, written.last_created_at) == (None, None)


@pytest.mark.parametrize("by_spark", [False, True])
def test_no_messages(spark: "SparkSession", tmp_path: Path, by_spark: bool) -> None:
    pq.ParquetWriter(tmp_path / "a.parquet", SCHEMA).close()
    written = read_written(tmp_path, spark=spark if by_spark else None)
    assert (written.rows, written.distinct_ids, written.openers, written.with_brand) == (0, 0, 0, 0)
    assert (written.first_created_at, written.last_created_at) == (None, None)
    assert written.languages == {}
    assert set(written.nulls_in_keys.values()) == {0}


@pytest.mark.parametrize(
    ("condition", "rows", "nulls_in_text"), [("id >= 0", 7, 3), ("id < 0", 0, 0)]
)
def test_files_that_spark_wrote(
    spark: "SparkSession", tmp_path: Path, condition: str, rows: int, nulls_in_text: int
) -> None:
    spark.range(7, numPartitions=2).where(condition).selectExpr(
        "id as tweet_id", "timestamp '2018-01-01 00:00:00' as created_at",
        "cast(null as string) as brand", "id as conversation_id", "id < 4 as is_opener",
        "if(id < 3, null, 'x') as text", "'x' as clean_text", "'en' as lang",
    ).write.parquet(str(tmp_path / "messages"))  # fmt: skip
    written = read_written(tmp_path / "messages")
    assert (written.rows, count_rows(tmp_path / "messages")) == (rows, rows)
    assert written.nulls_in_keys == {
        "tweet_id": 0, "conversation_id": 0, "is_opener": 0, "text": nulls_in_text, "clean_text": 0,
    }  # fmt: skip
    assert written.first_created_at == (NEW_YEAR if rows else None)


def test_count_rows(tmp_path: Path) -> None:
    assert count_rows(tmp_path) == 0
    write(tmp_path / "a.parquet", *[(n, None, None, None, n, True, "x", "x", None) for n in (1, 2)])
    write(tmp_path / "b.parquet", (3, None, None, None, 3, True, "x", "x", None))
    pq.ParquetWriter(tmp_path / "c.parquet", SCHEMA).close()
    (tmp_path / "_SUCCESS").touch()
    assert count_rows(tmp_path) == 3
