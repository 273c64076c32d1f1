"""The index of more rows than the driver should hold: what index.py does in NumPy, as Spark joins.

Workers type the narrow columns of their pieces; Spark finds the first row of each id, the message
that it answers, its thread and its brands. The index is cut into folders of ``INDEX_ROWS`` rows of
the source, of which a worker reads those that its own rows are in.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING
from b_transformation.columns.values import Unread
from b_transformation.rows import BUCKET, INDEX_ROWS, ROW
from b_transformation.threading.index import (
    ANSWERS,
    BY_BRAND,
    NO_DIRECTION,
    NO_ID,
    NO_TIME,
    QUESTIONS,
    REPEATED,
    Index,
)
from b_transformation.threading.joined_columns import type_columns, write_whole
from b_transformation.threading.joined_threads import resolve_by_joins
from common.runtime.spark import read_parquet, write_parquet
from common.tables.columns.roles import Roles

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


class JoinedIndex(NamedTuple):
    """What was written; rows: of the source; unread: what of its columns could not be read."""

    written: Index
    rows: int
    unread: tuple[Unread, ...]


def write_index_by_joins(
    spark: "SparkSession",
    raw: Path,
    roles: Roles,
    folder: Path,
    *,
    date_order: str | None,
    rounds: int,
    most: int,
) -> JoinedIndex:
    """Write the folders questions.parquet and answers.parquet; columns as ``write_index`` has them.

    Args:
        spark: the session.
        raw: data/raw/messages, seen by every worker.
        roles: of its columns.
        folder: an empty one, seen by every worker.
        date_order: as ingestion.date_order.
        rounds: of doubling, at most.
        most: messages of circles that the driver may hold.

    Raises:
        DataError: if two ids have one key, the dates can mean two things, or too many messages
            answer one another in circles.
    """
    from pyspark.sql import functions as F

    columns = type_columns(spark, raw, roles, folder, date_order=date_order)
    typed = columns.typed
    readable = typed.where((F.col("tweet_id") != NOTHING) & (F.col("direction") != UNKNOWN))
    linked = write_whole(_link(_first_rows(readable, folder)), folder / "linked")
    (folder / "threads").mkdir()
    threads = resolve_by_joins(linked, folder / "threads", rounds=rounds, most=most)
    questions = _questions(linked, threads.conversations, has_dates=columns.has_dates)
    counts = {
        QUESTIONS: _write_buckets(questions, folder / QUESTIONS),
        ANSWERS: _write_buckets(_answers(linked), folder / ANSWERS),
    }
    has_id, has_direction = F.col("tweet_id") != NOTHING, F.col("direction") != UNKNOWN
    given = typed.agg(
        F.count_if(~has_id).alias("no_id"),
        F.count_if(has_id & ~has_direction).alias("no_direction"),
        F.count_if(has_id & has_direction).alias("readable"),
    ).collect()[0]
    kept = linked.agg(
        F.count_if(F.col("direction") == INBOUND).alias("inbound"),
        F.count_if(F.col("direction") == OUTBOUND).alias("outbound"),
        F.count_if(F.col("parent_id").isNotNull() & ~F.col("has_parent")).alias("orphans"),
    ).collect()[0]
    index = Index(
        questions=counts[QUESTIONS],
        answers=counts[ANSWERS],
        dropped={
            NO_ID: given["no_id"],
            NO_DIRECTION: given["no_direction"],
            REPEATED: given["readable"] - kept["inbound"] - kept["outbound"],
            BY_BRAND: kept["outbound"],
            NO_TIME: kept["inbound"] - counts[QUESTIONS],
        },
        brands=_brands(linked, typed),
        figures={
            "conversations": threads.conversations.select("conversation_id").distinct().count(),
            "missing_parents": kept["orphans"],
            "reply_cycles": threads.cycles,
            "threads_cut": threads.cut,
        },
    )
    return JoinedIndex(index, columns.rows, columns.unread)


def _first_rows(readable: "DataFrame", folder: Path) -> "DataFrame":
    """Of several rows with one id the first in the source."""
    from pyspark.sql import functions as F

    row = F.struct(ROW, "parent_id", "direction", "author", "created_at")
    first = readable.groupBy("tweet_id").agg(F.min(row).alias("row"))
    return write_whole(first.select("tweet_id", "row.*"), folder / "kept")


def _brand() -> "Column":
    from pyspark.sql import functions as F

    return F.when(F.col("direction") == OUTBOUND, F.col("author"))


def _link(kept: "DataFrame") -> "DataFrame":
    """Each row with what it answers: has_parent, parent_direction, replied_to (its brand)."""
    from pyspark.sql import functions as F

    answered = kept.select(
        F.col("tweet_id").alias("place"),
        F.col("direction").alias("parent_direction"),
        _brand().alias("replied_to"),
    )
    # Apart, as so many rows without a parent would all be joined in one task.
    is_reply = F.col("parent_id") != NOTHING
    replies = kept.where(is_reply).join(answered, F.col("parent_id") == F.col("place"), how="left")
    replies = replies.withColumn("has_parent", F.col("place").isNotNull()).drop("place")
    openers = kept.where(~is_reply).withColumns(
        {
            "parent_id": F.lit(None).cast("long"),
            "parent_direction": F.lit(None).cast("byte"),
            "replied_to": F.lit(None).cast("string"),
            "has_parent": F.lit(False),
        }
    )
    return replies.unionByName(openers)


def _questions(linked: "DataFrame", conversations: "DataFrame", *, has_dates: bool) -> "DataFrame":
    from pyspark.sql import functions as F

    by_brand = linked.withColumn("brand", _brand()).where("brand is not null")
    answers = by_brand.where("has_parent").groupBy(F.col("parent_id").alias("tweet_id"))
    first = answers.agg(F.min(F.struct(ROW, "brand")).alias("first")).select(
        "tweet_id", F.col("first.brand").alias("first_answer")
    )
    only = (
        by_brand.join(conversations, "tweet_id")
        .groupBy("conversation_id")
        .agg(F.min("brand").alias("only_brand"), F.max("brand").alias("highest"))
        .where("only_brand = highest")
        .drop("highest")
    )
    inbound = linked.where(F.col("direction") == INBOUND)
    if has_dates:
        inbound = inbound.where("created_at is not null")
    threaded = inbound.join(conversations, "tweet_id").join(first, "tweet_id", "left")
    return threaded.join(only, "conversation_id", "left").select(
        ROW,
        "tweet_id",
        "conversation_id",
        (F.col("conversation_id") == F.col("tweet_id")).alias("is_opener"),
        "replied_to",
        F.coalesce("first_answer", "only_brand").alias("in_thread"),
        *(["created_at"] if has_dates else []),
    )


def _answers(linked: "DataFrame") -> "DataFrame":
    from pyspark.sql import functions as F

    answers = (F.col("direction") == OUTBOUND) & (F.col("parent_direction") == INBOUND)
    return linked.where(answers).select(
        ROW, F.col("parent_id").alias("question_id"), F.col("author").alias("brand")
    )


def _brands(linked: "DataFrame", typed: "DataFrame") -> tuple[str, ...]:
    """In the order in which the source first names them."""
    from pyspark.sql import functions as F

    brands = linked.select(_brand().alias("author")).where("author is not null").distinct()
    named = typed.join(F.broadcast(brands), "author").groupBy("author").agg(F.min(ROW).alias(ROW))
    return tuple(row["author"] for row in named.orderBy(ROW).collect())


def _write_buckets(frame: "DataFrame", path: Path) -> int:
    """Rows written, in the order of the source."""
    from pyspark.sql import functions as F

    cut = frame.withColumn(BUCKET, F.expr(f"{ROW} div {INDEX_ROWS}"))
    ordered = cut.repartition(BUCKET).sortWithinPartitions(BUCKET, ROW)
    write_parquet(ordered, path, partition_by=[BUCKET])
    return read_parquet(frame.sparkSession, path, schema=frame.schema).count()
