"""The narrow columns of data/raw, typed: ids, directions, authors and dates. No text is read here.

The source's columns are strings; one that a source does not have is None, as in a CSV with nothing
but texts. So is one of dates or directions without a single value.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b_transformation.columns.date_forms import NO_TIME, Times
from b_transformation.columns.dates import parse_dates
from b_transformation.columns.directions import INBOUND, OUTBOUND, Directions, read_directions
from b_transformation.columns.ids import NOTHING, Ints, parse_ids, read_ids
from b_transformation.columns.values import Unread
from common.errors import DataError
from common.tables.columns.roles import Roles

logger = logging.getLogger(__name__)


class RawColumns(NamedTuple):
    """N rows in the order of ``source_rows``; ids are NOTHING where they cannot be read.

    dates: NaT where they cannot, and for outbound messages, whose dates are not used. unread: what
    could not be read, of each column.
    """

    source_rows: Ints
    tweet_ids: Ints
    parent_ids: Ints
    directions: Directions
    authors: pa.DictionaryArray | None
    dates: Times | None = None
    unread: tuple[Unread, ...] = ()


def raw_names(folder: Path) -> tuple[str, ...]:
    """The columns of data/raw/messages.

    Raises:
        DataError: if there is no Parquet file.
    """
    return tuple(pq.read_schema(_files(folder)[0]).names)


def read_raw_columns(folder: Path, roles: Roles, *, date_order: str | None = None) -> RawColumns:
    """Read data/raw/messages.

    Raises:
        DataError: if there is no Parquet file, or a column of dates can mean two things.
    """
    wanted = (roles.keys, roles.parents, roles.inbound, roles.author, roles.date)
    encoded = {roles.inbound, roles.author} - {None, roles.keys, roles.parents, roles.date}
    table = pq.read_table(
        _files(folder),
        columns=["source_row", *sorted({name for name in wanted if name is not None})],
        read_dictionary=sorted(filter(None, encoded)),
    )
    order = pc.sort_indices(table["source_row"]) if not _is_sorted(table["source_row"]) else None
    table = table if order is None else table.take(order)
    source_rows = table["source_row"].to_numpy()
    ids, parent_ids, unread = source_rows, np.full(len(source_rows), NOTHING, np.int64), []
    if roles.keys is not None:
        ids, unread_ids = read_ids(table[roles.keys], name=roles.keys)
        unread.append(unread_ids)
    if roles.parents is not None:
        parent_ids = parse_ids(table[roles.parents])
    directions = np.full(len(source_rows), INBOUND, np.int8)
    if roles.inbound is not None:
        read, unread_words = read_directions(table[roles.inbound], name=roles.inbound)
        if not is_blank(unread_words, rows=len(source_rows)):
            directions = read
            unread.append(unread_words)
    dates = None
    if roles.date is not None:
        asked = directions != OUTBOUND
        column = table[roles.date].filter(pa.array(asked))
        times, unread_dates = parse_dates(column, name=roles.date, order=date_order)
        if not is_blank(unread_dates, rows=len(times)):
            dates = np.full(len(source_rows), NO_TIME)
            dates[asked] = times
            unread.append(unread_dates)
    return RawColumns(
        source_rows=source_rows,
        tweet_ids=ids,
        parent_ids=parent_ids,
        directions=directions,
        authors=_one_dictionary(table[roles.author]) if roles.author is not None else None,
        dates=dates,
        unread=tuple(unread),
    )


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise DataError(f"{folder} holds no Parquet files; run `make data_ingestion` first")
    return files


def is_blank(unread: Unread, *, rows: int) -> bool:
    """Whether a column has no value in any of its rows, so that it is left out."""
    if rows == 0 or unread.empty < rows:
        return False
    logger.warning("column %r is empty in all %s rows: left out", unread.column, f"{rows:,}")
    return True


def _one_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.unify_dictionaries().combine_chunks()


def _is_sorted(column: pa.ChunkedArray) -> bool:
    values = column.to_numpy()
    return bool(np.all(values[1:] > values[:-1]))
