from typing import Any

import pyarrow as pa
import pytest

from b_transformation.columns.ids import NOTHING, parse_ids, read_ids
from common.errors import DataError

WHOLE = {
    "1": 1,
    "0": 0,
    " 42\n": 42,
    "3.0": 3,
    "0.0": 0,
    "999999999999999999": 999_999_999_999_999_999,
    "8999999999999999999": 8_999_999_999_999_999_999,
    "9199999999999999999": 9_199_999_999_999_999_999,
}
# The first 63 bits of the SHA-256 that sha256sum gives.
HASHED = {
    "007": 3_553_241_685_104_100_998,
    "12a": 8_878_391_034_736_135_743,
    " TKT-001 ": 8_643_966_812_104_435_952,
    "-1": 997_184_231_609_768_190,
}
NONE = [
    None, "", "  ", "nan", "NaN", "None", "NULL", "N/A", "-", "5.7E+17", "7.91557e+17", "5,7E+17",
    "8E+17", "7.9E17", "-1.5e+9",
]  # fmt: skip
APART = [
    "7", "007", "07", "TKT-1", "tkt-1", "TKT 1", "1.5", "3.00", "9200000000000000000",
    "9223372036854775808", "12345678901234567890", "+1", "0x1f", "1,000", "1 2", "1\n2", "٣", "😀",
    "1e5", "7e12", "c0ffee", "550e8400-e29b-41d4-a716-446655440000",
    "550e8400-e29b-41d4-a716-446655440001",
]  # fmt: skip


def chunked(*chunks: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())


@pytest.mark.parametrize(("text", "key"), (WHOLE | HASHED).items())
def test_keys(text: Any, key: int) -> None:
    assert parse_ids(chunked([text])).tolist() == [key]


@pytest.mark.parametrize("text", NONE)
def test_blank_and_rounded_ids_have_no_key(text: Any) -> None:
    assert parse_ids(chunked([text])).tolist() == [NOTHING]


def test_different_ids_have_different_keys_of_63_bits() -> None:
    keys = parse_ids(chunked(list(APART))).tolist()
    assert len(set(keys)) == len(APART)
    assert all(0 <= key < 2**63 for key in keys)


def test_keys_of_several_chunks_stay_in_order() -> None:
    assert parse_ids(chunked(["5", "12a"], [], [None, "4.0", "12a"])).tolist() == [
        5, 8_878_391_034_736_135_743, NOTHING, 4, 8_878_391_034_736_135_743,
    ]  # fmt: skip
    assert parse_ids(chunked()).tolist() == []


@pytest.mark.parametrize("other", ["b", "7"])
def test_two_ids_with_one_key_are_refused(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.setattr("b_transformation.columns.ids.key_of", lambda text: 7)
    with pytest.raises(DataError, match="has the key of another id; change it in the source"):
        parse_ids(chunked(["a", other]))


def test_what_was_not_read() -> None:
    keys, unread = read_ids(chunked(["5", "", "5.7E+17", "5.8E+17", None]), name="no.")
    assert keys.tolist() == [5, -1, -1, -1, -1]
    assert unread == ("no.", "id", 2, 2, "5.7E+17", ())
