"""Ids as the source writes them, to 64-bit keys: a whole number is its own key.

Any other id (TKT-001, a UUID, 007) has the first 63 bits of its SHA-256, so that a source of the
next day gives it the same key. A number in scientific notation is no id: a spreadsheet has rounded
it, so that it stands for many.
"""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from b_transformation.columns.values import Unread, first_of, given_values
from common.errors import DataError

NOTHING = -1
Ints = NDArray[np.int64]
WHAT = "id"

# Pandas writes ids as "3.0" where some are missing. 19 digits up to 9.19e18 fit into 64 bits.
_WHOLE = r"^(?:0|[1-9][0-9]{0,17}|[1-8][0-9]{18}|9[01][0-9]{17})(?:\.0)?$"
_ROUNDED = r"^[+-]?[0-9]+(?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{1,3}$"


def read_ids(column: pa.ChunkedArray, *, name: str) -> tuple[Ints, Unread]:
    """(N,) keys, NOTHING where there is none; and what of the column was not read.

    Raises:
        DataError: if two ids have one key.
    """
    keys = parse_ids(column)
    texts = given_values(column.filter(pa.array(keys == NOTHING)))
    rounded = texts.is_valid()
    unread = Unread(
        column=name,
        what=WHAT,
        empty=texts.null_count,
        unreadable=len(texts) - texts.null_count,
        example=first_of(texts, rounded),
    )
    return keys, unread


def parse_ids(column: pa.ChunkedArray) -> Ints:
    """(N,) keys; NOTHING for null, blank and rounded ids.

    Raises:
        DataError: if two ids have one key.
    """
    text = pc.utf8_trim_whitespace(column)
    is_whole = pc.fill_null(pc.match_substring_regex(text, _WHOLE), False)
    whole = pc.replace_substring_regex(pc.if_else(is_whole, text, None), r"\.0$", "")
    keys = np.array(pc.fill_null(pc.cast(whole, pa.int64()), NOTHING).to_numpy())
    others = given_values(text.filter(pc.invert(is_whole)))
    others = pc.if_else(pc.match_substring_regex(others, _ROUNDED), None, others)
    if len(others) > others.null_count:
        keys[~is_whole.to_numpy()] = _hashed(others, keys)
    return keys


def texts_with_keys(column: pa.ChunkedArray, keys: Ints) -> pa.ChunkedArray:
    """(N,) the ids whose key is a digest; null for whole numbers, and where there is none."""
    text = pc.utf8_trim_whitespace(column)
    is_whole = pc.fill_null(pc.match_substring_regex(text, _WHOLE), False)
    return pc.if_else(pc.or_(is_whole, pa.chunked_array([keys == NOTHING])), None, text)


def taken_twice(text: str) -> DataError:
    """The error for an id whose key another one has too."""
    return DataError(f"the id {text!r} has the key of another id; change it in the source")


def key_of(text: str) -> int:
    """The key of an id that is no whole number."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _hashed(texts: pa.ChunkedArray, whole: Ints) -> Ints:
    """(M,) keys of the texts, none of which is another's or among ``whole``."""
    encoded = texts.dictionary_encode().unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    keys = np.array([*map(key_of, names), NOTHING], np.int64)
    distinct, first = np.unique(keys[:-1], return_index=True)
    alone = first[~np.isin(distinct, whole)]
    if len(alone) < len(names):
        twice = names[np.setdiff1d(np.arange(len(names)), alone)[0]]
        raise taken_twice(twice)
    return np.asarray(keys[pc.fill_null(encoded.indices, len(names)).to_numpy()])
