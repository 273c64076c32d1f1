"""The narrow columns of some rows of data/raw, typed as raw_columns.py does it for all of them.

What is decided over whole columns is decided elsewhere: which forms the dates have is given, and a
column without a single value is left out later.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from b_transformation.columns.date_forms import NO_TIME
from b_transformation.columns.dates import Forms, read_dates, survey_dates
from b_transformation.columns.directions import (
    INBOUND,
    OUTBOUND,
    UNKNOWN,
    Directions,
    parse_directions,
)
from b_transformation.columns.ids import NOTHING, Ints, parse_ids, texts_with_keys
from b_transformation.columns.values import given_values, shortened
from common.tables.columns.roles import Roles

# unread_…: the value, where there is one that can't be read; …_text: ids whose key is a digest.
TYPED_DDL = (
    "source_row long, tweet_id long, parent_id long, direction byte, author string, "
    "created_at timestamp, unread_id string, unread_direction string, unread_date string, "
    "id_text string, parent_text string"
)
_TYPED = pa.schema(
    [
        ("source_row", pa.int64()),
        ("tweet_id", pa.int64()),
        ("parent_id", pa.int64()),
        ("direction", pa.int8()),
        ("author", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        *((f"unread_{name}", pa.string()) for name in ("id", "direction", "date")),
        *((f"{name}_text", pa.string()) for name in ("id", "parent")),
    ]
)


def narrow_names(roles: Roles) -> list[str]:
    """The columns of a source that are read."""
    names = {roles.keys, roles.parents, roles.inbound, roles.author, roles.date}
    return sorted(name for name in names if name is not None)


def survey_rows(raw: pa.Table, roles: Roles) -> Forms:
    """How the dates of inbound rows are written; ``raw``: strings, and source_row, ascending."""
    assert roles.date is not None  # noqa: S101 asked only of sources with dates
    asked = pa.array(_directions(raw, roles) != OUTBOUND)
    rows = raw["source_row"].filter(asked).to_numpy()
    return survey_dates(raw[roles.date].filter(asked), rows)


def type_rows(raw: pa.Table, roles: Roles, forms: Sequence[str]) -> pa.RecordBatch:
    """The columns of ``TYPED_DDL``.

    Args:
        raw: strings, and source_row, ascending.
        roles: of the columns.
        forms: of the dates.
    """
    if not len(raw):
        return pa.RecordBatch.from_pylist([], _TYPED)
    nothing = pa.nulls(len(raw), pa.string())
    rows = raw["source_row"].to_numpy()
    ids, parents = rows, np.full(len(raw), NOTHING, np.int64)
    unread_id = id_text = parent_text = unread_direction = unread_date = author = nothing
    if roles.keys is not None:
        ids = parse_ids(raw[roles.keys])
        unread_id = _unread(raw[roles.keys], ids == NOTHING)
        id_text = texts_with_keys(raw[roles.keys], ids)
    if roles.parents is not None:
        parents = parse_ids(raw[roles.parents])
        parent_text = texts_with_keys(raw[roles.parents], parents)
    directions = _directions(raw, roles)
    if roles.inbound is not None:
        unread_direction = _unread(raw[roles.inbound], directions == UNKNOWN)
    times = np.full(len(raw), NO_TIME)
    if roles.date is not None:
        asked = directions != OUTBOUND
        times[asked] = read_dates(raw[roles.date].filter(pa.array(asked)), forms)
        unread_date = _unread(raw[roles.date], asked & np.isnat(times))
    if roles.author is not None:
        author = _without_blanks(raw[roles.author])
    columns = [
        rows, ids, parents, directions, author, times, unread_id, unread_direction, unread_date,
        id_text, parent_text,
    ]  # fmt: skip
    table = pa.table([_array(column) for column in columns], names=_TYPED.names).cast(_TYPED)
    return table.combine_chunks().to_batches()[0]


def _directions(raw: pa.Table, roles: Roles) -> Directions:
    if roles.inbound is None:
        return np.full(len(raw), INBOUND, np.int8)
    return parse_directions(raw[roles.inbound])


def _unread(column: pa.ChunkedArray, unread: NDArray[np.bool_]) -> pa.Array:
    mask = pa.array(unread)
    texts = given_values(column.filter(mask)).to_pylist()
    shown = pa.array([None if text is None else shortened(text) for text in texts], pa.string())
    return pc.replace_with_mask(pa.nulls(len(column), pa.string()), mask, shown)


def _without_blanks(authors: pa.ChunkedArray) -> pa.Array:
    encoded = authors.combine_chunks().dictionary_encode()
    names = [name if name.strip() else None for name in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def _array(values: "Ints | pa.Array | pa.ChunkedArray") -> pa.Array:
    return pa.array(values) if isinstance(values, np.ndarray) else values
