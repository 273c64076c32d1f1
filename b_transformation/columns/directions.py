"""Who wrote a message, by declared words: a customer (inbound) or the company (outbound)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from b_transformation.columns.values import Unread, first_of, given_values

INBOUND, OUTBOUND, UNKNOWN = 1, 0, -1
WHAT = "inbound flag"
Directions = NDArray[np.int8]

_INBOUND = (
    "true", "t", "yes", "y", "1", "1.0", "in", "inbound", "incoming", "received", "customer",
    "client", "user", "end-user", "consumer",
)  # fmt: skip
_OUTBOUND = (
    "false", "f", "no", "n", "0", "0.0", "out", "outbound", "outgoing", "sent", "agent", "brand",
    "company", "staff", "support", "bot",
)  # fmt: skip
_DIRECTIONS = dict.fromkeys(_INBOUND, INBOUND) | dict.fromkeys(_OUTBOUND, OUTBOUND)


def read_directions(column: pa.ChunkedArray, *, name: str) -> tuple[Directions, Unread]:
    """(N,) INBOUND, OUTBOUND or UNKNOWN; and what of the column was not read."""
    directions = parse_directions(column)
    texts = given_values(pc.cast(column.filter(pa.array(directions == UNKNOWN)), pa.string()))
    unread = Unread(
        column=name,
        what=WHAT,
        empty=texts.null_count,
        unreadable=len(texts) - texts.null_count,
        example=first_of(texts, texts.is_valid()),
    )
    return directions, unread


def parse_directions(column: pa.ChunkedArray) -> Directions:
    """(N,) INBOUND, OUTBOUND, or UNKNOWN for null and for any other word.

    Args:
        column: N strings, or a dictionary of them.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    words = [str(word).strip().lower() for word in encoded.dictionary.to_pylist()]
    codes = np.array([*(_DIRECTIONS.get(word, UNKNOWN) for word in words), UNKNOWN], np.int8)
    return np.asarray(codes[pc.fill_null(encoded.indices, len(words)).to_numpy()])
