"""What is read without Arrow is what is read in bulk: rows, rejected records, numbers."""

import gzip
import io
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.tables import table, tolerant
from common.tables.input import TableInput
from common.tables.table import open_table
from common.tables.tolerant import open_tolerant
from common.tables.upload import TooLargeError
from tests.common.tables.test_cases import CASES

PIECES = [b'"', b",", b";", b"\n", b"\r\n", b"\r", b"a", b"\xc3\xa9", b"\xe9", b"\0", b'","']
LINES = [b'1,"x,y\n', b"2,b\n", b'3,", well"\n', b'4,"a\nb"\n', b"5\n", b"6,7,8\n", b'"\n']

Found = tuple[Any, ...]


def bulk(path: Path) -> Found:
    rows: list[tuple[Any, ...]] = []
    numbers, rejected = [], []
    with open_table(TableInput(path), max_field_mb=1) as read:
        for batch in read.batches:
            rows += zip(*(column.to_pylist() for column in batch.rows.columns), strict=True)
            numbers += batch.numbers.tolist()
            rejected += batch.rejected
        return read.columns, rows, numbers, rejected, read.find_form()


def plain(data: bytes) -> Found:
    rows: list[tuple[Any, ...]] = []
    numbers, rejected = [], []
    opened = partial(io.BytesIO, data)
    with open_tolerant(opened, name="it", max_bytes=10**8, max_field_mb=1) as read:
        for block in read.blocks:
            rows += map(tuple, block.rows)
            numbers += block.numbers.tolist()
            rejected += block.rejected
        return read.columns, rows, numbers, rejected, read.find_form()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(
    "path",
    sorted(path for path in CASES.iterdir() if path.suffix in (".csv", ".jsonl", ".xlsx")),
    ids=lambda path: path.name,
)
def test_every_case_is_read_alike(tmp_path: Path, path: Path, packed: bool) -> None:
    data = path.read_bytes()
    if packed and path.suffix != ".xlsx":
        data = gzip.compress(data)
        path = tmp_path / "in"
        path.write_bytes(data)
    assert plain(data) == bulk(path)


def test_jsonl_keeps_null_apart_and_goes_on_after_what_is_no_object(tmp_path: Path) -> None:
    data = b'{"id": 1, "text": "a"}\n[1]\n\n{"id": null}\n{"text": \n{"text": "b", "id": ""}\n'
    (tmp_path / "in.jsonl").write_bytes(data)
    columns, rows, numbers, rejected, form = plain(data)
    assert (columns, numbers, form.kind) == (("id", "text"), [1, 3, 5], "jsonl")
    assert rows == [("1", "a"), (None, None), ("", "b")]
    assert [(r.number, r.reason, r.record) for r in rejected] == [
        (2, "no JSON object", "[1]"), (4, "not JSON", '{"text": '),
    ]  # fmt: skip
    assert plain(data) == bulk(tmp_path / "in.jsonl")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_unpacks_to_too_much_is_refused(form: str) -> None:
    rows = {"csv": b"id,text\n" + b"1,a\n" * 300_000, "jsonl": b'{"text": "a"}\n' * 90_000}
    opened = partial(io.BytesIO, gzip.compress(rows[form]))
    with (
        pytest.raises(TooLargeError),
        open_tolerant(opened, name="it", max_bytes=1_000_000, max_field_mb=1) as read,
    ):
        list(read.blocks)


def test_parquet_is_for_the_command_line() -> None:
    with (
        pytest.raises(DataError, match="it is a Parquet file; send it as CSV, JSONL or .xlsx"),
        open_tolerant(partial(io.BytesIO, b"PAR1"), name="it", max_bytes=100, max_field_mb=1),
    ):
        pass


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=60) | st.lists(st.sampled_from(LINES)))
def test_whatever_the_records_are_both_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    data = b"a,b\n" + b"".join(pieces)
    path = tmp_path_factory.mktemp("tolerant") / "in.csv"
    path.write_bytes(data)
    assert plain(data) == bulk(path)


def test_rows_that_a_quote_swallowed_come_back() -> None:
    _, rows, numbers, rejected, _ = plain(b'id,text\n1,"x,y\n2,a\n3,b\n4,", well"\n5,c\n')
    assert rows == [("2", "a"), ("3", "b"), ("4", ", well"), ("5", "c")]
    assert numbers == [2, 3, 4, 5]
    assert [tuple(r) for r in rejected] == [(1, "broken quote", '1,"x,y')]


def test_numbers_go_on_from_block_to_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, tolerant):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 20)
    long = b"x" * 999_990
    lines = [b"1,a", b'2,"open', b"3," + long, b"4,caf\xc3\xa9", b"5," + long + b"y" * 11, b"6"]
    data = b"id,text\n" + b"\n".join([*lines, b"7," + long, *lines, b"14," + long])
    (tmp_path / "in.csv").write_bytes(data)
    _, rows, numbers, rejected, _ = found = plain(data)
    assert numbers == [1, 3, 4, 7, 8, 10, 11, 14] and len(rows) == 8
    assert {r.number: r.reason for r in rejected} == {
        2: "broken quote", 5: "field too long", 6: "wrong number of columns",
        9: "broken quote", 12: "field too long", 13: "wrong number of columns",
    }  # fmt: skip
    assert found == bulk(tmp_path / "in.csv")


def test_escaped_halves_of_a_character_in_a_sheet_are_one_and_a_lone_half_is_rejected(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    for row in (["id", "text"], ["1", "a _xD83D__xDE00_"], ["2", "b _xD83D_ c"], ["3", "d"]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "in.xlsx")
    _, rows, numbers, rejected, _ = found = plain((tmp_path / "in.xlsx").read_bytes())
    assert (rows, numbers) == ([("1", "a \U0001f600"), ("3", "d")], [1, 3])
    assert [tuple(r) for r in rejected] == [(2, "lone surrogate", r"2,b \ud83d c")]
    assert found == bulk(tmp_path / "in.xlsx")
