"""Which texts the teacher labels where there are more than ``classification.budget`` allows.

Half of them are drawn by chance alone, so that what is frequent stays so. A quarter tops up brands,
months and openers, a quarter rare kinds of text. A kind is the texts that share their rarest word,
of the words that ``COMMON_TEXTS`` texts or more have: rarer ones are names and slips. Of a group of
n texts, a top-up takes as many as go with the square root of n (Bankier's power allocation, 1988,
with power 1/2), at least one where the quarter suffices, and counts what was drawn before it.

Words are counted in seconds; vectors of a million texts would take a quarter of an hour.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COMMON_TEXTS = 20


def draw_texts(
    messages: "DataFrame", *, budget: int, seed: int, by_spark: bool = False
) -> "DataFrame":
    """The messages of ``budget`` distinct texts, all copies of each; the same ones every time.

    Args:
        messages: columns tweet_id, text (not null), clean_text, brand, created_at, is_opener.
            A text that many messages share is for the brand, month and opener of the first one.
        budget: distinct texts.
        seed: decides by chance.
        by_spark: Spark chooses, not the driver, which holds 24 bytes a distinct text to do so.
    """
    from pyspark.sql import functions as F

    key = F.xxhash64(F.lit(seed), F.col("text"))
    who_and_when = F.xxhash64("brand", F.date_format("created_at", "yyyy-MM"), "is_opener")
    texts = messages.groupBy(key.alias("key")).agg(
        F.min_by(who_and_when, "tweet_id").alias("who"), F.first("clean_text").alias("words")
    )
    words = texts.select("key", F.explode(F.array_distinct(F.split("words", " "))).alias("word"))
    common = words.where("word != ''").groupBy("word").count().where(f"count >= {COMMON_TEXTS}")
    rarest = (
        words.join(F.broadcast(common), "word")
        .groupBy("key")
        .agg(F.min_by("word", F.struct("count", "word")).alias("word"))
    )
    kind = F.xxhash64("word").alias("kind")
    grouped = texts.join(rarest, "key", "left").select("key", "who", kind)
    if by_spark:
        drawn = choose_by_spark(grouped, ["who", "kind"], budget=budget)
    else:
        found = grouped.toArrow()
        keys, who, kinds = (np.asarray(found[name]) for name in ("key", "who", "kind"))
        drawn = keys[choose(keys, [who, kinds], budget=budget)]
    wanted = messages.sparkSession.createDataFrame(pa.table({"key": drawn}))
    return messages.withColumn("key", key).join(wanted, "key", "left_semi").drop("key")


def choose(
    chance: NDArray[np.int64], groupings: list[NDArray[np.int64]], *, budget: int
) -> NDArray[np.bool_]:
    """(N,) which texts to take: by chance, and a quarter of them by each grouping.

    Args:
        chance: (N,) distinct; the lower, the sooner.
        groupings: (N,) the group of each text.
        budget: how many.
    """
    topped_up = budget // 4
    drawn = np.zeros(len(chance), np.bool_)
    drawn[np.argsort(chance)[: budget - topped_up * len(groupings)]] = True
    for groups in groupings:
        drawn[_top_up(drawn, groups, chance)[:topped_up]] = True
    return drawn


def choose_by_spark(
    texts: "DataFrame", groupings: Sequence[str], *, budget: int
) -> NDArray[np.int64]:
    """The keys that ``choose`` takes: the driver holds ``budget`` of them, and no other.

    Args:
        texts: key, distinct, the chance; a column each grouping.
        groupings: their names.
        budget: how many.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    session = texts.sparkSession
    topped_up = budget // 4
    by_chance = texts.select("key").orderBy("key").limit(budget - topped_up * len(groupings))
    drawn = by_chance.toArrow()
    for grouping in groupings:
        taken = session.createDataFrame(drawn).withColumn("drawn", F.lit(True))
        marked = texts.join(F.broadcast(taken), "key", "left").fillna(False, ["drawn"])
        group = Window.partitionBy(grouping)
        ahead = F.row_number().over(group.orderBy(F.desc("drawn"), "key")) - 1
        turn = ahead / F.sqrt(F.count("*").over(group))
        open_ = marked.withColumn("turn", turn).where(~F.col("drawn"))
        lacking = open_.orderBy("turn", "key").limit(topped_up).select("key")
        drawn = pa.concat_tables([drawn, lacking.toArrow()])
    return np.asarray(drawn["key"])


def _top_up(
    drawn: NDArray[np.bool_], groups: NDArray[np.int64], chance: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The texts that aren't drawn, first those whose groups lack most."""
    _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.lexsort((chance, ~drawn, which))  # in each group, the drawn ones first
    ahead = np.empty(len(groups), np.int64)
    ahead[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turn = ahead / np.sqrt(sizes[which])
    open_ = np.flatnonzero(~drawn)
    return open_[np.lexsort((chance[open_], turn[open_]))]
