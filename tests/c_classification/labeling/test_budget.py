"""Which texts are drawn: some by chance, then those whose groups lack most."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from c_classification.labeling.budget import choose, choose_by_spark, draw_texts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DDL = (
    "tweet_id long, text string, clean_text string, brand string, created_at timestamp, "
    "is_opener boolean"
)
OCTOBER, MAY = (datetime(2017, month, 3, tzinfo=UTC) for month in (10, 5))


def taken(groups: str, *, budget: int) -> list[int]:
    """Of texts whose chances fall from left to right, with two groupings that are the same."""
    letters = np.array([ord(letter) for letter in groups])
    chance = np.arange(len(groups))
    return np.flatnonzero(choose(chance, [letters], budget=budget)).tolist()


def test_a_quarter_goes_to_the_groups_that_chance_left_out() -> None:
    assert taken("aaaaaaaabbbc", budget=4) == [0, 1, 2, 8]
    assert taken("aaaaaaaabbbc", budget=8) == [0, 1, 2, 3, 4, 5, 8, 11]


def test_what_was_drawn_counts_for_its_group() -> None:
    # Chance takes three each of 4 b and 9 a; by the roots, 2 and 3, a comes next, twice.
    assert taken("bbbaaaaaaaaab", budget=8) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_group_gets_as_many_as_the_root_of_its_size() -> None:
    sizes = {"a": 64, "b": 16, "c": 4}
    letters = np.array([ord(name) for name, size in sizes.items() for _ in range(size)])
    # Chance takes 42 of group d alone, the top-up 14 of the others: 8, 4 and 2.
    groups = np.concatenate([np.full(1_000, ord("d")), letters])
    drawn = choose(np.arange(len(groups)), [groups], budget=56)[1_000:]
    assert {name: int(drawn[letters == ord(name)].sum()) for name in sizes} == {
        "a": 8, "b": 4, "c": 2,
    }  # fmt: skip


def test_the_whole_is_taken_where_it_fits() -> None:
    assert taken("aab", budget=8) == [0, 1, 2]


def test_brands_months_openers_and_rare_words_are_drawn(spark: "SparkSession") -> None:
    rows: list[tuple[Any, ...]] = [
        (n, f"my parcel is late {n}", f"my parcel is late {n}", "Shop", OCTOBER, True)
        for n in range(1_000)
    ]
    rows += [
        (2_000 + n, f"a chargeback {n}", f"a chargeback {n}", "Shop", OCTOBER, True)
        for n in range(20)
    ]
    rare = [("Bank", OCTOBER, True), ("Shop", MAY, True), ("Shop", OCTOBER, False)]
    rows += [
        (3_000 + n, f"where is it {n}", f"where is it {n}", *who) for n, who in enumerate(rare)
    ]
    rows += [(4_000, "where is it 0", "where is it 0", "Shop", OCTOBER, True)]  # a copy
    messages = spark.createDataFrame(rows, DDL).repartition(3)

    def drawn(seed: int) -> list[tuple[int, str]]:
        found = draw_texts(messages, budget=40, seed=seed).orderBy("tweet_id").collect()
        return [(row["tweet_id"], row["text"]) for row in found]

    first = drawn(1)
    assert len({text for _, text in first}) == 40
    assert {3_000, 3_001, 3_002, 4_000} <= {number for number, _ in first}
    assert any("chargeback" in text for _, text in first)
    assert sum("parcel" in text for _, text in first) >= 20
    assert drawn(1) == first
    assert drawn(2) != first


@pytest.mark.parametrize("budget", [3, 40, 250, 600])
def test_spark_chooses_the_same(spark: "SparkSession", budget: Any) -> None:
    draw = np.random.default_rng(7)
    keys = draw.permutation(500).astype(np.int64)
    groups = [draw.zipf(1.5, 500) % 40, draw.integers(0, 5, 500)]
    table = pa.table({"key": keys, "who": groups[0], "kind": groups[1]})
    by_spark = choose_by_spark(
        spark.createDataFrame(table).repartition(3), ["who", "kind"], budget=budget
    )
    by_driver = keys[choose(keys, groups, budget=budget)]
    assert sorted(by_spark.tolist()) == sorted(by_driver.tolist())
