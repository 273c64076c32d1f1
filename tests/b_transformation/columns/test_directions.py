from typing import Any

import pyarrow as pa
import pytest

from b_transformation.columns.directions import (
    INBOUND,
    OUTBOUND,
    UNKNOWN,
    parse_directions,
    read_directions,
)

DIRECTIONS = {
    "True": INBOUND,
    "true": INBOUND,
    " TRUE ": INBOUND,
    "1": INBOUND,
    "1.0": INBOUND,
    "Yes": INBOUND,
    "y": INBOUND,
    "In": INBOUND,
    "inbound": INBOUND,
    "Customer": INBOUND,
    "False": OUTBOUND,
    "fAlSe": OUTBOUND,
    "0": OUTBOUND,
    "NO": OUTBOUND,
    "n": OUTBOUND,
    "Out": OUTBOUND,
    "Outbound": OUTBOUND,
    "agent": OUTBOUND,
    None: UNKNOWN,
    "": UNKNOWN,
    "maybe": UNKNOWN,
    "-1": UNKNOWN,
    "2": UNKNOWN,
    "Truee": UNKNOWN,
    "None": UNKNOWN,
    "😀": UNKNOWN,
}


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(("text", "direction"), DIRECTIONS.items())
def test_directions(text: Any, direction: Any, encoded: bool) -> None:
    column = pa.chunked_array([pa.array([text], pa.string())])
    column = column.dictionary_encode() if encoded else column
    assert parse_directions(column).tolist() == [direction]


def test_directions_of_chunks_with_dictionaries_of_their_own() -> None:
    chunks = [
        pa.array(words, pa.string()).dictionary_encode()
        for words in (["True", "False"], ["False", None, "True"], ["?", "1"])
    ]
    assert parse_directions(pa.chunked_array(chunks)).tolist() == [1, 0, 0, -1, 1, -1, 1]


def test_what_was_not_read() -> None:
    column = pa.chunked_array([["Yes", "", "perhaps", "who knows"]]).dictionary_encode()
    directions, unread = read_directions(column, name="from")
    assert directions.tolist() == [1, -1, -1, -1]
    assert unread == ("from", "inbound flag", 1, 2, "perhaps", ())
