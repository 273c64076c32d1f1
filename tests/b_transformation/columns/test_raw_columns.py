from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING
from b_transformation.columns.raw_columns import RawColumns, raw_names, read_raw_columns
from common.errors import DataError
from common.tables.columns.roles import find_roles


def write(folder: Path, name: str, **columns: list[Any]) -> Path:
    rows = columns.pop("source_row")
    table = pa.table({"source_row": pa.array(rows, pa.int64())} | {
        key: pa.array(values, pa.string()) for key, values in columns.items()
    })  # fmt: skip
    pq.write_table(table, folder / name)
    return folder


def read(folder: Path, *, text_column: str = "text", **optional: str) -> RawColumns:
    roles = find_roles(raw_names(folder), name="raw", text_column=text_column, optional=optional)
    return read_raw_columns(folder, roles)


def test_all_columns_in_the_order_of_the_source_rows(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[3, 4], tweet_id=["30", "3E+01"], author_id=["7", None],
        inbound=["True", "False"], text=["c", "d"], in_response_to_tweet_id=["10.0", ""],
    )  # fmt: skip
    write(
        tmp_path, "b.parquet", source_row=[2, 1], tweet_id=["20", "10"], author_id=["Shop", "7"],
        inbound=["", "1"], text=["b", "a"], in_response_to_tweet_id=["30", None],
    )  # fmt: skip
    raw = read(tmp_path)
    assert raw_names(tmp_path) == (
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
    assert read(tmp_path).tweet_ids.tolist() == [5, 5]


def test_file_with_nothing_but_texts(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", source_row=[1, 2, 3], body=["a", None, "😀"])
    raw = read(tmp_path, text_column="body")
    assert raw_names(tmp_path) == ("source_row", "body")
    assert raw.tweet_ids.tolist() == [1, 2, 3]
    assert raw.parent_ids.tolist() == [NOTHING] * 3
    assert raw.directions.tolist() == [INBOUND] * 3
    assert raw.authors is None


def test_no_rows(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[], tweet_id=[], author_id=[], inbound=[], text=[],
        in_response_to_tweet_id=[],
    )  # fmt: skip
    raw = read(tmp_path)
    columns = (raw.source_rows, raw.tweet_ids, raw.parent_ids, raw.directions, raw.authors)
    assert [len(column) for column in columns if column is not None] == [0, 0, 0, 0, 0]


def test_empty_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no Parquet files; run `make data_ingestion` first"):
        read(tmp_path)


def test_every_column_may_have_any_name(tmp_path: Path) -> None:
    columns = {
        "ticket.id": ["TKT-1", "TKT-2", "TKT-1"], "who`": ["agent", "Customer", "customer"],
        "on, at": ["1/31/2024 9:05 PM", "", "1/31/2024 12:00 AM"], "": ["a", "b", "c"],
    }  # fmt: skip
    write(tmp_path, "a.parquet", source_row=[1, 2, 3], **columns)
    raw = read(
        tmp_path, text_column="", id_column="ticket.id", date_column="on, at", inbound_column="who`"
    )
    assert raw.tweet_ids[0] == raw.tweet_ids[2] != raw.tweet_ids[1]
    assert raw.directions.tolist() == [OUTBOUND, INBOUND, INBOUND]
    assert raw.dates is not None
    expected = np.array(["NaT", "NaT", "2024-01-31T00:00"], "datetime64[us]")  # 1: outbound
    assert np.array_equal(raw.dates, expected, equal_nan=True)
    assert [(u.column, u.empty, u.unreadable) for u in raw.unread] == [
        ("ticket.id", 0, 0), ("who`", 0, 0), ("on, at", 1, 0),
    ]  # fmt: skip


def test_columns_without_a_single_value_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[1, 2], text=["a", "b"], inbound=["", " "],
        created_at=[None, "NaN"],
    )  # fmt: skip
    raw = read(tmp_path)
    assert raw.directions.tolist() == [INBOUND, INBOUND]
    assert raw.dates is None
    assert raw.unread == ()


def test_without_ids_replies_lead_nowhere(tmp_path: Path) -> None:
    write(
        tmp_path, "a.parquet", source_row=[1, 2], text=["a", "b"], tweet_id=["7E+17", "7E+17"],
        in_response_to_tweet_id=["", "1"],
    )  # fmt: skip
    raw = read(tmp_path, id_column="none")
    assert raw.tweet_ids.tolist() == [1, 2]
    assert raw.parent_ids.tolist() == [NOTHING, NOTHING]
