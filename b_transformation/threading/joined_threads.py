"""The threads of more messages than the driver should hold: the rounds of threads.py as joins.

Each round is one join, which only messages that have not arrived at a root still take part in: a
thread of n replies is climbed in log2(n) rounds. Where a round brings none of them to a root, the
rest answer one another in circles; those few are resolved in the driver.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from b_transformation.threading.threads import find_places, resolve_threads
from common.errors import DataError
from common.runtime.spark import read_parquet, write_parquet

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DDL = "tweet_id long, ancestor long, arrived int"


class JoinedThreads(NamedTuple):
    """``conversations``: tweet_id, conversation_id of each message; what was unusual, counted."""

    conversations: "DataFrame"
    cycles: int
    cut: int


def resolve_by_joins(
    messages: "DataFrame", folder: Path, *, rounds: int, most: int
) -> JoinedThreads:
    """Find the root of every message, the same as ``resolve_threads`` does.

    Args:
        messages: tweet_id, distinct; parent_id, null for none; has_parent, whether that id is
            among them.
        folder: an empty one, which every worker sees.
        rounds: doubling rounds at most.
        most: messages of circles that the driver may hold.

    Raises:
        DataError: if more messages answer one another in circles.
    """
    from pyspark.sql import functions as F

    climbs_all = 2**rounds >= messages.count()
    is_root = ~F.col("has_parent") | (F.col("parent_id") == F.col("tweet_id"))
    steps = _write(
        messages.select(
            "tweet_id",
            F.coalesce("parent_id", "tweet_id").alias("ancestor"),  # of an orphan: what it lacks
            is_root.cast("int").alias("arrived"),
        ),
        folder / "round-00",
    )
    arrived, left = steps.where("arrived = 1"), steps.where("arrived = 0")
    waiting, done = left.count(), 0
    while waiting and done < rounds:
        done += 1
        further = _ahead(left, arrived.unionByName(left)).select(
            "tweet_id", F.col("onward").alias("ancestor"), F.col("there").alias("arrived")
        )
        pointers = _write(further, folder / f"round-{done:02}")
        arrived = arrived.unionByName(pointers.where("arrived = 1"))
        left, before = pointers.where("arrived = 0"), waiting
        waiting = left.count()
        if climbs_all and waiting == before:
            break

    found = arrived.select("tweet_id", F.col("ancestor").alias("conversation_id"))
    if not waiting:
        return JoinedThreads(found, 0, 0)
    if climbs_all:
        return _with_circles(found, left, messages, count=waiting, rounds=rounds, most=most)
    reached = _ahead(left, steps).select(
        "tweet_id",
        F.when(F.col("there") == 1, F.col("onward")).otherwise(F.col("ancestor"))
        .alias("conversation_id"),
        "there",
    )  # fmt: skip
    cut = reached.where("there = 0").count()
    return JoinedThreads(found.unionByName(reached.drop("there")), 0, cut)


def _ahead(left: "DataFrame", pointers: "DataFrame") -> "DataFrame":
    """``left`` with the pointer of each one's ancestor: onward, and there (1 at a root)."""
    from pyspark.sql import functions as F

    renamed = pointers.select(
        F.col("tweet_id").alias("place"),
        F.col("ancestor").alias("onward"),
        F.col("arrived").alias("there"),
    )
    return left.drop("arrived").join(renamed, F.col("ancestor") == F.col("place")).drop("place")


def _write(pointers: "DataFrame", path: Path) -> "DataFrame":
    """On disk, so that a round is computed once, and those that arrived are apart."""
    write_parquet(pointers, path, partition_by=["arrived"])
    return read_parquet(pointers.sparkSession, path, schema=_DDL)


def _with_circles(
    found: "DataFrame",
    left: "DataFrame",
    messages: "DataFrame",
    *,
    count: int,
    rounds: int,
    most: int,
) -> JoinedThreads:
    """What is left leads into circles, with all that it answers: it can be resolved by itself."""
    if count > most:
        raise DataError(
            f"{count:,} messages answer one another in circles; mend in_response_to_tweet_id, or "
            f"raise spark.driver_rows ({most:,})"
        )
    replies = messages.select("tweet_id", "parent_id").join(left.select("tweet_id"), "tweet_id")
    table = replies.toArrow().sort_by("tweet_id")
    ids, parent_ids = (table[name].to_numpy() for name in ("tweet_id", "parent_id"))
    threads = resolve_threads(ids, parent_ids, find_places(ids, parent_ids), rounds=rounds)
    circles = messages.sparkSession.createDataFrame(
        pa.table({"tweet_id": ids, "conversation_id": threads.conversation_ids})
    )
    return JoinedThreads(found.unionByName(circles), threads.cycles, 0)
