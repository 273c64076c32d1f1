"""Which brand a message is for. Brands are the authors of outbound messages.

By reply: the message answers a brand. Else by mention: its text names a brand's handle (of several
the one that answered, else the first). Else by answer: the brand that answered it. Else null.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from b_transformation.arrow import arrow_function
from b_transformation.raw_columns import INBOUND, OUTBOUND
from b_transformation.threads import NOTHING, Ints

if TYPE_CHECKING:
    from pyspark.sql import Column

_HANDLE = re.compile(r"@(?<![0-9A-Za-z_]@)([0-9A-Za-z_]+)")


class ThreadBrands(NamedTuple):
    """(N,) places in the author dictionary, NOTHING for none; and the brands' own places."""

    replied_to: NDArray[np.int64]
    answered_by: NDArray[np.int64]
    brands: NDArray[np.int64]


def find_thread_brands(
    authors: Ints, directions: NDArray[np.int8], parents: Ints, order: Ints
) -> ThreadBrands:
    """For each message the brand that it replies to and the first brand that answered it.

    Args:
        authors: (N,) place of the author in some dictionary, NOTHING for none.
        directions: (N,) INBOUND or OUTBOUND.
        parents: (N,) place of the message replied to, NOTHING for none.
        order: (N,) source rows; of several answers the first in the source counts.
    """
    brand = np.where(directions == OUTBOUND, authors, NOTHING)
    replied_to = np.where(parents == NOTHING, NOTHING, brand[parents])
    answers = np.flatnonzero((brand != NOTHING) & (parents != NOTHING))
    answers = answers[np.argsort(order[answers], kind="stable")[::-1]]
    answered_by = np.full(len(authors), NOTHING, np.int64)
    answered_by[parents[answers]] = brand[answers]  # the last write is the first answer
    is_question = directions == INBOUND
    return ThreadBrands(
        replied_to=np.where(is_question, replied_to, NOTHING),
        answered_by=np.where(is_question, answered_by, NOTHING),
        brands=np.unique(brand[brand != NOTHING]),
    )


def brand_column(brands: Iterable[str]) -> "Callable[[Column, Column, Column], Column]":
    """A Spark function of raw text, brand replied to and brand answering: the message's brand."""
    names = {brand.lower(): brand for brand in brands}

    def choose(texts: pa.Array, replied_to: pa.Array, answered_by: pa.Array) -> pa.Array:
        unsettled = pc.is_null(replied_to)
        rows = zip(
            texts.filter(unsettled).to_pylist(),
            answered_by.filter(unsettled).to_pylist(),
            strict=True,
        )
        chosen = pa.array([choose_brand(*row, names=names) for row in rows], pa.string())
        return pc.replace_with_mask(replied_to, unsettled, chosen)

    return arrow_function(choose, "string")


def choose_brand(text: str | None, answered_by: str | None, *, names: dict[str, str]) -> str | None:
    """The brand of a message that replies to none; ``names``: handles in lower case to brands."""
    if text is None or "@" not in text:
        return answered_by
    handles = (names.get(handle.lower()) for handle in _HANDLE.findall(text))
    mentioned = [brand for brand in handles if brand is not None]
    if answered_by in mentioned or not mentioned:
        return answered_by
    return mentioned[0]
