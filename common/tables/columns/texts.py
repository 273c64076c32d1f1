"""One text of several columns, the same wherever a table is read in bulk."""

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

TEXT_SEPARATOR = "\n"


def join_texts(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Array | pa.ChunkedArray:
    """The texts of each row, in the order of the columns, a line end between two of them.

    Null and empty texts are left out; a row with nothing else gets the empty string. A single
    column comes back as it is.
    """
    if len(columns) == 1:
        return columns[0]
    return reduce(_join, (pc.fill_null(column, "") for column in columns))


def _join(left: pa.Array, right: pa.Array) -> pa.Array:
    both = pc.and_(pc.not_equal(left, ""), pc.not_equal(right, ""))
    return pc.binary_join_element_wise(left, right, pc.if_else(both, TEXT_SEPARATOR, ""))
