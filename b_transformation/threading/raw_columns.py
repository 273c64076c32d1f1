"""The narrow columns of data/raw, typed: ids, direction and authors. No text is read here.

The source's columns are strings; one that a file does not have is None, as in a CSV with nothing
but texts.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from b_transformation.threading.threads import NOTHING, Ints
from common.errors import DataError

INBOUND, OUTBOUND, UNKNOWN = 1, 0, -1
_DIRECTIONS = {"true": INBOUND, "1": INBOUND, "false": OUTBOUND, "0": OUTBOUND}
# Pandas writes ids as "3.0" where some are missing. 19 digits up to 9.19e18 fit into 64 bits.
_WHOLE = r"^(?:[0-9]{1,18}|[1-8][0-9]{18}|9[01][0-9]{17})(?:\.0)?$"


class RawColumns(NamedTuple):
    """N rows in the order of ``source_rows``; ids are NOTHING where they cannot be read."""

    names: tuple[str, ...]
    source_rows: Ints
    tweet_ids: Ints
    parent_ids: Ints
    directions: NDArray[np.int8]
    authors: pa.DictionaryArray | None


def read_raw_columns(folder: Path, *, text_column: str) -> RawColumns:
    """Read data/raw/messages.

    Raises:
        DataError: if there is no Parquet file or no ``text_column``.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise DataError(f"{folder} holds no Parquet files; run `make data_ingestion` first")
    names = tuple(pq.read_schema(files[0]).names)
    if text_column not in names:
        raise DataError(
            f"{folder} has no column {text_column!r} but {', '.join(names)}; "
            "name the text column with TEXT_COLUMN="
        )
    wanted = ["source_row", "tweet_id", "in_response_to_tweet_id", "inbound", "author_id"]
    table = pq.read_table(
        files,
        columns=[name for name in wanted if name in names],
        read_dictionary=[name for name in ("inbound", "author_id") if name in names],
    )
    order = pc.sort_indices(table["source_row"]) if not _is_sorted(table["source_row"]) else None
    table = table if order is None else table.take(order)
    source_rows = table["source_row"].to_numpy()
    return RawColumns(
        names=names,
        source_rows=source_rows,
        tweet_ids=parse_ids(table["tweet_id"]) if "tweet_id" in names else source_rows,
        parent_ids=(
            parse_ids(table["in_response_to_tweet_id"])
            if "in_response_to_tweet_id" in names
            else np.full(len(source_rows), NOTHING, np.int64)
        ),
        directions=(
            parse_directions(table["inbound"])
            if "inbound" in names
            else np.full(len(source_rows), INBOUND, np.int8)
        ),
        authors=_one_dictionary(table["author_id"]) if "author_id" in names else None,
    )


def parse_ids(column: pa.ChunkedArray) -> Ints:
    """(N,) whole numbers, ``3.0`` too; NOTHING for null and for what is none."""
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.match_substring_regex(text, _WHOLE), text, None)
    whole = pc.replace_substring_regex(text, r"\.0$", "")
    return np.asarray(pc.fill_null(pc.cast(whole, pa.int64()), NOTHING).to_numpy())


def parse_directions(column: pa.ChunkedArray) -> NDArray[np.int8]:
    """(N,) INBOUND, OUTBOUND, or UNKNOWN for null and for any other word."""
    encoded = _one_dictionary(column)
    words = [str(word).strip().lower() for word in encoded.dictionary.to_pylist()]
    codes = np.array([*(_DIRECTIONS.get(word, UNKNOWN) for word in words), UNKNOWN], np.int8)
    return np.asarray(codes[pc.fill_null(encoded.indices, len(words)).to_numpy()])


def _one_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.unify_dictionaries().combine_chunks()


def _is_sorted(column: pa.ChunkedArray) -> bool:
    values = column.to_numpy()
    return bool(np.all(values[1:] > values[:-1]))
