"""Which brand a message is for. Brands are the authors of outbound messages.

By reply: the message answers a brand. Else by mention: its text names a brand's handle. Else by
thread: the first brand that answered it, or the only brand that writes in its conversation (of
several brands mentioned it is this one too, or else the first). Else null.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from b_transformation.columns.directions import OUTBOUND
from b_transformation.columns.ids import NOTHING, Ints
from b_transformation.threading.threads import find_places

_HANDLE = re.compile(r"@(?<![0-9A-Za-z_]@)([0-9A-Za-z_]+)")


class ThreadBrands(NamedTuple):
    """(N,) places in the dictionary of authors, NOTHING for none; ``brands``: those of all."""

    replied_to: Ints
    in_thread: Ints
    brands: Ints


def find_thread_brands(
    authors: Ints,
    directions: NDArray[np.int8],
    parents: Ints,
    conversation_ids: Ints,
    order: Ints,
) -> ThreadBrands:
    """The brands that the threads alone tell, without a look at the texts.

    Args:
        authors: (N,) place of the author in the dictionary, NOTHING for none.
        directions: (N,) INBOUND or OUTBOUND.
        parents: (N,) place of the message replied to, NOTHING for none.
        conversation_ids: (N,) id of the root.
        order: (N,) source rows; of several answers the first in the source counts.
    """
    brand = np.where(directions == OUTBOUND, authors, NOTHING)
    by_brand = np.flatnonzero(brand != NOTHING)
    in_thread = _only_brand(conversation_ids, by_brand, brand)
    answers = by_brand[parents[by_brand] != NOTHING]
    answers = answers[np.argsort(-order[answers], kind="stable")]
    in_thread[parents[answers]] = brand[answers]  # the last to be written is the first answer
    return ThreadBrands(
        replied_to=np.where(parents == NOTHING, NOTHING, brand[parents]),
        in_thread=in_thread,
        brands=np.unique(brand[by_brand]),
    )


def _only_brand(conversation_ids: Ints, by_brand: Ints, brand: Ints) -> Ints:
    """(N,) the brand of each message's conversation, NOTHING where none or several write there."""
    if not len(by_brand):
        return np.full(len(conversation_ids), NOTHING, np.int64)
    rows = by_brand[np.argsort(conversation_ids[by_brand], kind="stable")]
    ids, starts = np.unique(conversation_ids[rows], return_index=True)
    lowest = np.minimum.reduceat(brand[rows], starts)
    highest = np.maximum.reduceat(brand[rows], starts)
    places = find_places(ids, conversation_ids)
    return np.where(
        places == NOTHING, NOTHING, np.where(lowest == highest, lowest, NOTHING)[places]
    )


def choose_brands(
    texts: pa.StringArray,
    replied_to: pa.StringArray,
    in_thread: pa.StringArray,
    *,
    names: Mapping[str, str],
) -> pa.StringArray:
    """The brand of each message: the one that it replies to, else ``choose_brand``."""
    unsettled = pc.is_null(replied_to)
    rows = zip(
        texts.filter(unsettled).to_pylist(),
        in_thread.filter(unsettled).to_pylist(),
        strict=True,
    )
    chosen = pa.array([choose_brand(*row, names=names) for row in rows], pa.string())
    return pc.replace_with_mask(replied_to, unsettled, chosen)


def choose_brand(
    text: str | None, in_thread: str | None, *, names: Mapping[str, str]
) -> str | None:
    """The brand of a message that replies to none; ``names``: handles in lower case to brands."""
    if text is None or "@" not in text:
        return in_thread
    handles = (names.get(handle.lower()) for handle in _HANDLE.findall(text))
    mentioned = [brand for brand in handles if brand is not None]
    if in_thread in mentioned or not mentioned:
        return in_thread
    return mentioned[0]
