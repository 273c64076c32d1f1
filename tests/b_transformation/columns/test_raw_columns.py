from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from b_transformation.threading.raw_columns import (
    INBOUND,
    OUTBOUND,
    UNKNOWN,
    parse_directions,
    parse_ids,
    read_raw_columns,
)

from b_transformation.threading.threads import NOTHING
from common.errors import DataError

IDS = {
    "1": 1,
    "0": 0,
    "007": 7,
    " 42\n": 42,
    "3.0": 3,
    "0.0": 0,
    "999999999999999999": 999_999_999_999_999_999,
    "8999999999999999999": 8_999_999_999_999_999_999,
    "9199999999999999999": 9_199_999_999_999_999_999,
    "9200000000000000000": NOTHING,
    "9223372036854775808": NOTHING,
    "12345678901234567890": NOTHING,
    None: NOTHING,
    "": NOTHING,
    "  ": NOTHING,
    "-1": NOTHING,
    "+1": NOTHING,
    "1.5": NOTHING,
    "3.00": NOTHING,
    "3.": NOTHING,
    ".0": NOTHING,
    "1e5": NOTHING,
    "0x1f": NOTHING,
    "1,000": NOTHING,
    "1 2": NOTHING,
    "1\n2": NOTHING,
    "12a": NOTHING,
    "nan": NOTHING,
    "٣": NOTHING,
    "😀": NOTHING,
}
DIRECTIONS = {
    "True": INBOUND,
    "true": INBOUND,
    " TRUE ": INBOUND,
    "1": INBOUND,
    "False": OUTBOUND,
    "fAlSe": OUTBOUND,
    "0": OUTBOUND,
    None: UNKNOWN,
    "": UNKNOWN,
    "yes": UNKNOWN,
    "-1": UNKNOWN,
    "Truee": UNKNOWN,
    "None": UNKNOWN,
    "😀": UNKNOWN,
}


def chunked(*chunks: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())


def write(folder: Path, name: str, **columns: list[Any]) -> Path:
    rows = columns.pop("source_row")
    table = pa.table({"source_row": pa.array(rows, pa.int64())} | {
        key: pa.array(values, pa.string()) for key, values in columns.items()
    })  # fmt: skip
    pq.write_table(table, folder / name)
    return folder


@pytest.mark.parametrize(("text", "number"), IDS.items())
def test_ids(text: Any, number: Any) -> None:
    assert parse_ids(chunked([text])).tolist() == [number]


def test_ids_of_several_chunks_stay_in_order() -> None:
    assert parse_ids(chunked(["5", "x"], [], [None, "4.0"])).tolist() == [5, -1, -1, 4]
    assert parse_ids(chunked()).tolist() == []


@pytest.mark.parametrize(("text", "direction"), DIRECTIONS.items())
def test_directions(text: Any, direction: Any) -> None:
    assert parse_directions(chunked([text]).dictionary_encode()).tolist() == [direction]


def test_directions_of_chunks_with_dictionaries_of_their_own() -> None:
    chunks = [
        pa.array(words, pa.string()).dictionary_encode()
        for words in (["True", "False"], ["False", None, "True"], ["?", "1"])
    ]
    assert parse_directions(pa.chunked_array(chunks)).tolist() == [1, 0, 0, -1, 1, -1, 1]


def test_all_columns_in_the_order_of_the_source_rows(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[3, 4], tweet_id=["30", "x"], author_id=["7", None],
        inbound=["True", "False"], text=["c", "d"], in_response_to_tweet_id=["10.0", ""],
    )  # fmt: skip
    write(
        tmp_path, "b.parquet", source_row=[2, 1], tweet_id=["20", "10"], author_id=["Shop", "7"],
        inbound=["", "1"], text=["b", "a"], in_response_to_tweet_id=["30", None],
    )  # fmt: skip
    raw = read_raw_columns(tmp_path, text_column="text")
    assert raw.names == (
        "source_row", "tweet_id", "author_id", "inbound", "text", "in_response_to_tweet_id",
    )  # fmt: skip
    assert raw.source_rows.tolist() == [1, 2, 3, 4]
    assert raw.tweet_ids.tolist() == [10, 20, 30, NOTHING]
    assert raw.parent_ids.tolist() == [NOTHING, 30, 10, NOTHING]
    assert raw.directions.tolist() == [INBOUND, UNKNOWN, INBOUND, OUTBOUND]
    assert raw.authors is not None
    assert raw.authors.to_pylist() == ["7", "Shop", "7", None]


def test_repeated_ids_are_all_kept(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", source_row=[1, 2], tweet_id=["5", "5"], text=["a", "b"])
    assert read_raw_columns(tmp_path, text_column="text").tweet_ids.tolist() == [5, 5]


def test_file_with_nothing_but_texts(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", source_row=[1, 2, 3], body=["a", None, "😀"])
    raw = read_raw_columns(tmp_path, text_column="body")
    assert raw.names == ("source_row", "body")
    assert raw.tweet_ids.tolist() == [1, 2, 3]
    assert raw.parent_ids.tolist() == [NOTHING] * 3
    assert raw.directions.tolist() == [INBOUND] * 3
    assert raw.authors is None


def test_no_rows(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[], tweet_id=[], author_id=[], inbound=[], text=[],
        in_response_to_tweet_id=[],
    )  # fmt: skip
    raw = read_raw_columns(tmp_path, text_column="text")
    columns = [column for column in raw[1:] if column is not None]
    assert [len(column) for column in columns] == [0, 0, 0, 0, 0]


def test_unknown_text_column_names_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", source_row=[1], tweet_id=["1"], body=["a"])
    with pytest.raises(DataError) as caught:
        read_raw_columns(tmp_path, text_column="text")
    assert str(caught.value) == (
        f"{tmp_path} has no column 'text' but source_row, tweet_id, body; "
        "name the text column with TEXT_COLUMN="
    )


def test_empty_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no Parquet files; run `make data_ingestion` first"):
        read_raw_columns(tmp_path, text_column="text")
