"""Spark's joins find the threads that the driver's code finds."""

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b_transformation.columns.ids import NOTHING
from b_transformation.threading.joined_threads import JoinedThreads, resolve_by_joins
from b_transformation.threading.threads import Threads, find_places, resolve_threads
from common.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Replies = dict[int, int | None]
_APART = 100  # ids of one forest among many


def by_driver(replies: Replies, *, rounds: int) -> Threads:
    ids = np.array(sorted(replies), np.int64)
    parents = [replies[message] for message in sorted(replies)]
    parent_ids = np.array([NOTHING if p is None else p for p in parents], np.int64)
    return resolve_threads(ids, parent_ids, find_places(ids, parent_ids), rounds=rounds)


def by_joins(
    spark: "SparkSession", replies: Replies, folder: Path, *, rounds: int, most: int = 1_000
) -> JoinedThreads:
    rows = {
        "tweet_id": pa.array(replies, pa.int64()),
        "parent_id": pa.array(replies.values(), pa.int64()),
        "has_parent": [parent in replies for parent in replies.values()],
    }
    messages = spark.createDataFrame(pa.table(rows))
    return resolve_by_joins(messages, folder, rounds=rounds, most=most)


def require_equal(spark: "SparkSession", replies: Replies, *, rounds: int = 32) -> None:
    with tempfile.TemporaryDirectory() as folder:
        joined = by_joins(spark, replies, Path(folder), rounds=rounds)
        found = {row[0]: row[1] for row in joined.conversations.collect()}
    expected = by_driver(replies, rounds=rounds)
    assert found == dict(zip(sorted(replies), expected.conversation_ids.tolist(), strict=True))
    assert (joined.cycles, joined.cut) == (expected.cycles, expected.cut)


def random_forests(seed: int) -> Replies:
    """Many at once, apart from one another, as each run of Spark takes seconds."""
    draw = random.Random(seed)
    replies: Replies = {}
    for start in range(0, 30 * _APART, _APART):
        ids = draw.sample(range(start, start + 30), draw.randint(1, 26))
        missing = range(start + 30, start + 33)
        replies |= {each: draw.choice([None, each, *ids, *ids, *missing]) for each in ids}
    return replies


@given(st.integers(0, 2**32))
@settings(max_examples=2)
def test_random_forests(spark: "SparkSession", seed: int) -> None:
    require_equal(spark, random_forests(seed))


CHAIN: Replies = {1000 + n: None if n == 0 else 999 + n for n in range(20)}
CIRCLES: Replies = {1: 2, 2: 3, 3: 1, 4: 3, 5: 4, 10: 11, 11: 10}


@pytest.mark.parametrize("rounds", [1, 2])
def test_too_few_rounds_leave_the_ancestor_reached_and_count_it(
    spark: "SparkSession", rounds: Any
) -> None:
    require_equal(spark, CHAIN | CIRCLES | {2000: 1999, 2001: 2000, 2002: 2001}, rounds=rounds)


def test_a_long_thread_is_climbed_in_few_joins(spark: "SparkSession", tmp_path: Path) -> None:
    joined = by_joins(spark, CHAIN, tmp_path, rounds=32)
    assert {row.conversation_id for row in joined.conversations.collect()} == {1000}
    assert len(list(tmp_path.glob("round-*"))) == 6  # 19 replies: the first, and five joins


def test_more_circles_than_the_driver_may_hold(spark: "SparkSession", tmp_path: Path) -> None:
    with pytest.raises(DataError, match="7 messages answer one another in circles"):
        by_joins(spark, CIRCLES, tmp_path, rounds=32, most=6)
