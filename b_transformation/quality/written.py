"""What lies in the Parquet files that Spark wrote, read back from footers and narrow columns."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.runtime.spark import read_parquet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEYS = ("tweet_id", "conversation_id", "is_opener", "text", "clean_text")


class Written(NamedTuple):
    """The curated messages; ``languages``: rows by language, "unknown" where it is null."""

    rows: int
    distinct_ids: int
    nulls_in_keys: dict[str, int]
    first_created_at: datetime | None
    last_created_at: datetime | None
    languages: dict[str, int]
    openers: int
    with_brand: int


def read_written(messages: Path, *, spark: "SparkSession | None" = None) -> Written:
    """Look at curated/messages: in this process, or by Spark where they are too many for it."""
    if spark is not None:
        return _read_by_spark(spark, messages)
    files = sorted(messages.glob("*.parquet"))
    narrow = pq.read_table(
        files,
        columns=["tweet_id", "created_at", "is_opener", "brand", "lang"],
        read_dictionary=["brand", "lang"],
    )
    times = pc.min_max(narrow["created_at"])
    languages = pc.value_counts(narrow["lang"].unify_dictionaries())
    return Written(
        rows=len(narrow),
        distinct_ids=pc.count_distinct(narrow["tweet_id"]).as_py(),
        nulls_in_keys=_count_nulls(files),
        first_created_at=times["min"].as_py(),
        last_created_at=times["max"].as_py(),
        languages={
            entry["values"] or "unknown": entry["counts"]
            for entry in sorted(languages.to_pylist(), key=lambda entry: -entry["counts"])
        },
        openers=pc.sum(narrow["is_opener"]).as_py() or 0,
        with_brand=len(narrow) - narrow["brand"].null_count,
    )


def _read_by_spark(spark: "SparkSession", messages: Path) -> Written:
    from pyspark.sql import functions as F

    frame = read_parquet(spark, messages)
    found = frame.agg(
        F.count("*").alias("rows"),
        F.count_distinct("tweet_id").alias("distinct_ids"),
        F.min("created_at").alias("first"),
        F.max("created_at").alias("last"),
        F.count_if("is_opener").alias("openers"),
        F.count("brand").alias("with_brand"),
    ).toArrow()  # whose times have a zone
    (seen,) = found.to_pylist()
    lang = F.coalesce("lang", F.lit("unknown")).alias("lang")
    languages = frame.groupBy(lang).count().orderBy(F.desc("count")).collect()
    return Written(
        rows=seen["rows"],
        distinct_ids=seen["distinct_ids"],
        nulls_in_keys=_count_nulls(sorted(messages.glob("*.parquet"))),
        first_created_at=seen["first"],
        last_created_at=seen["last"],
        languages={row["lang"]: row["count"] for row in languages},
        openers=seen["openers"],
        with_brand=seen["with_brand"],
    )


def count_rows(folder: Path) -> int:
    """Rows of all Parquet files in a folder, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))


def _count_nulls(files: list[Path]) -> dict[str, int]:
    """Nulls in the columns that must have none, from the footers' statistics."""
    nulls: Counter[str] = Counter(dict.fromkeys(KEYS, 0))
    for path in files:
        metadata: Any = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                column = metadata.row_group(group).column(index)
                if column.path_in_schema in nulls:
                    nulls[column.path_in_schema] += column.statistics.null_count
    return dict(nulls)
