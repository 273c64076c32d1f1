"""The index of more rows than the driver should hold: what index.py does in NumPy, as Spark joins.

Workers type the narrow columns of their pieces; Spark finds the first row of each id, the message
that it answers, its thread and its brands. The index is cut into folders of ``INDEX_ROWS`` rows of
the source, of which a worker reads those that its own rows are in.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from b_transformation.columns import dates, directions, ids
from b_transformation.columns.dates import Forms, choose_forms, join_forms
from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING, taken_twice
from b_transformation.columns.raw_columns import is_blank
from b_transformation.columns.typed import TYPED_DDL, narrow_names, survey_rows, type_rows
from b_transformation.columns.values import Unread
from b_transformation.rows import BUCKET, INDEX_ROWS, ROW, Piece, map_pieces, read_rows
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
from b_transformation.threading.joined_threads import resolve_by_joins
from common.runtime.spark import read_parquet, write_parquet
from common.tables.columns.roles import Roles

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


class JoinedIndex(NamedTuple):
    """The index; rows: of the source; unread: what of its columns could not be read."""

    index: Index
    rows: int
    unread: tuple[Unread, ...]


class _Columns(NamedTuple):
    """The typed rows, and what holds for whole columns."""

    typed: "DataFrame"
    rows: int
    has_dates: bool
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

    columns = _type_columns(spark, raw, roles, folder, date_order=date_order)
    typed = columns.typed
    readable = typed.where((F.col("tweet_id") != NOTHING) & (F.col("direction") != UNKNOWN))
    linked = _write(_link(_first_rows(readable, folder)), folder / "linked")
    (folder / "threads").mkdir()
    threads = resolve_by_joins(linked, folder / "threads", rounds=rounds, most=most)
    questions = _questions(linked, threads.conversations, has_dates=columns.has_dates)
    counts = {
        QUESTIONS: _write_buckets(questions, folder / QUESTIONS),
        ANSWERS: _write_buckets(_answers(linked), folder / ANSWERS),
    }
    kept = linked.groupBy("direction").count().collect()
    by_direction = {row["direction"]: row["count"] for row in kept}
    inbound, outbound = (by_direction.get(which, 0) for which in (INBOUND, OUTBOUND))
    has_id = F.col("tweet_id") != NOTHING
    index = Index(
        questions=counts[QUESTIONS],
        answers=counts[ANSWERS],
        dropped={
            NO_ID: typed.where(~has_id).count(),
            NO_DIRECTION: typed.where(has_id & (F.col("direction") == UNKNOWN)).count(),
            REPEATED: readable.count() - inbound - outbound,
            BY_BRAND: outbound,
            NO_TIME: inbound - counts[QUESTIONS],
        },
        brands=_brands(linked, typed),
        figures={
            "conversations": threads.conversations.select("conversation_id").distinct().count(),
            "missing_parents": linked.where("parent_id is not null and not has_parent").count(),
            "reply_cycles": threads.cycles,
            "threads_cut": threads.cut,
        },
    )
    return JoinedIndex(index, columns.rows, columns.unread)


def _type_columns(
    spark: "SparkSession", raw: Path, roles: Roles, folder: Path, *, date_order: str | None
) -> _Columns:
    from pyspark.sql import functions as F

    forms: tuple[str, ...] = ()
    if roles.date is not None:
        survey = map_pieces(spark, raw, partial(_survey, roles=roles), "forms string")
        parts = [Forms(**json.loads(row["forms"])) for row in survey.collect()]
        forms = choose_forms(join_forms(parts), name=roles.date, order=date_order)
    typed = _write(
        map_pieces(spark, raw, partial(_type, roles=roles, forms=forms), TYPED_DDL),
        folder / "typed",
    )
    for key, text in (("tweet_id", "id_text"), ("parent_id", "parent_text")):
        _require_own_keys(typed, key, text)
    seen = typed.agg(
        F.count("*").alias("rows"),
        F.count_if(F.col("tweet_id") == NOTHING).alias("no_id"),
        F.count_if(F.col("direction") == UNKNOWN).alias("no_direction"),
        F.count_if(F.col("direction") != OUTBOUND).alias("asked"),
        F.count_if((F.col("direction") != OUTBOUND) & F.col("created_at").isNull()).alias(
            "no_date"
        ),
        *(expression for name in ("id", "direction", "date") for expression in _count_unread(name)),
    ).first()
    assert seen is not None  # noqa: S101 an aggregate has one row
    unread = []

    def look(column: str, name: str, what: str, found: tuple[str, ...] = ()) -> Unread:
        first = seen[f"first_{name}"]
        return Unread(
            column=column,
            what=what,
            empty=seen[f"no_{name}"] - seen[f"unread_{name}"],
            unreadable=seen[f"unread_{name}"],
            example=None if first is None else first["value"],
            found=found,
        )

    if roles.keys is not None:
        unread.append(look(roles.keys, "id", ids.WHAT))
    if roles.inbound is not None:
        words = look(roles.inbound, "direction", directions.WHAT)
        if is_blank(words, rows=seen["rows"]):
            typed = typed.withColumn("direction", F.lit(INBOUND).cast("byte"))
        else:
            unread.append(words)
    has_dates = False
    if roles.date is not None:
        times = look(roles.date, "date", dates.WHAT, forms)
        has_dates = not is_blank(times, rows=seen["asked"])
        if has_dates:
            unread.append(times)
    return _Columns(typed, seen["rows"], has_dates, tuple(unread))


def _survey(piece: Piece, *, roles: Roles) -> Iterator[pa.RecordBatch]:
    forms = survey_rows(_narrow(piece, roles), roles)
    yield pa.record_batch([[json.dumps(forms._asdict())]], ["forms"])


def _type(piece: Piece, *, roles: Roles, forms: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    yield type_rows(_narrow(piece, roles), roles, forms)


def _narrow(piece: Piece, roles: Roles) -> pa.Table:
    return read_rows(piece, narrow_names(roles)).sort_by(ROW)


def _count_unread(name: str) -> "tuple[Column, Column]":
    from pyspark.sql import functions as F

    value = F.col(f"unread_{name}")
    first = F.min(F.when(value.isNotNull(), F.struct(ROW, value.alias("value"))))
    return F.count(value).alias(f"unread_{name}"), first.alias(f"first_{name}")


def _require_own_keys(typed: "DataFrame", key: str, text: str) -> None:
    """Check that no id's digest is the key of another id of that column."""
    from pyspark.sql import functions as F

    if typed.where(F.col(text).isNotNull()).isEmpty():
        return
    texts = typed.where(F.col(key) != NOTHING).groupBy(key)
    written = F.coalesce(text, F.lit(""))
    twice = (
        texts.agg(F.min(written).alias("first"), F.max(written).alias("last"))
        .where("first != last")
        .first()
    )
    if twice is not None:
        raise taken_twice(twice["last"])


def _first_rows(readable: "DataFrame", folder: Path) -> "DataFrame":
    """Of several rows with one id the first in the source."""
    from pyspark.sql import functions as F

    row = F.struct(ROW, "parent_id", "direction", "author", "created_at")
    first = readable.groupBy("tweet_id").agg(F.min(row).alias("row"))
    return _write(first.select("tweet_id", "row.*"), folder / "kept")


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


def _write(frame: "DataFrame", path: Path) -> "DataFrame":
    write_parquet(frame, path)
    return read_parquet(frame.sparkSession, path, schema=frame.schema)


def _write_buckets(frame: "DataFrame", path: Path) -> int:
    """Rows written, in the order of the source."""
    from pyspark.sql import functions as F

    cut = frame.withColumn(BUCKET, F.expr(f"{ROW} div {INDEX_ROWS}"))
    ordered = cut.repartition(BUCKET).sortWithinPartitions(BUCKET, ROW)
    write_parquet(ordered, path, partition_by=[BUCKET])
    return read_parquet(frame.sparkSession, path, schema=frame.schema).count()
