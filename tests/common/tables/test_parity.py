"""One file gives the same rows in bulk, strictly, in an upload, and in what ingestion lands."""

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from a_ingestion.landing import land_csv
from common.errors import DataError
from common.tables.input import TableInput
from common.tables.read import read_columns
from common.tables.strict import RecordError
from common.tables.table import open_table
from common.tables.upload import TooLargeError, open_upload

CASES = Path(__file__).parent.parent.parent / "cases"
TABLES = sorted(p for p in CASES.iterdir() if p.suffix != ".yaml" and p.name != "tickets")
Rows = list[list[str]]


def bulk(path: Path, **how: Any) -> tuple[tuple[str, ...], Rows, dict[int, str]]:
    """Columns, rows, reasons by number."""
    with open_table(TableInput(path, **how), max_field_mb=1) as table:
        rows: Rows = []
        reasons: dict[int, str] = {}
        for batch in table.batches:
            values = zip(*(column.to_pylist() for column in batch.rows.columns), strict=True)
            rows += [[field or "" for field in row] for row in values]
            reasons |= {r.number: r.reason for r in batch.rejected}
        return table.columns, rows, reasons


def upload(body: bytes, *, max_bytes: int = 1_000_000) -> tuple[tuple[str, ...], Rows]:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        yield io.BytesIO(body)

    with open_upload(
        opened, name="it", max_bytes=max_bytes, block_bytes=1 << 13, max_record_bytes=1 << 20
    ) as table:
        return table.columns, [record.fields for record in table.records]


def landed(path: Path, folder: Path, text_column: str) -> Rows:
    land_csv(TableInput(path), folder, text_column=text_column, max_field_mb=1)
    table = pq.read_table(folder / "messages").drop_columns("source_row")
    values = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [[field or "" for field in row] for row in values]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_every_reader_gives_the_same_rows_of_every_case(path: Path, tmp_path: Path) -> None:
    columns, rows, reasons = bulk(path)
    assert columns
    assert landed(path, tmp_path, columns[-1]) == rows
    if reasons:
        with pytest.raises(RecordError) as strict:
            read_columns(path, columns)
        assert strict.value.number == min(reasons)
        return
    assert [list(row.values) for row in read_columns(path, columns)] == rows
    if path.suffix != ".parquet":
        assert upload(path.read_bytes()) == (columns, rows)
        assert upload(gzip.compress(path.read_bytes())) == (columns, rows)


@pytest.mark.parametrize("name", ["formats.parquet", "formats.xlsx", "formats_utf16.csv"])
def test_the_first_row_of_the_formats(name: str) -> None:
    columns, rows, _ = bulk(CASES / name)
    assert (columns, rows[0]) == (("id", "text"), ["1", "my parcel never came"])


def test_jsonl_keeps_spelling_and_rejects_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id": 1.50, "text": "a"}\r\n\r\n{"id": 1, "id": 2}\n[1]\n{"id": NaN}\n'
        b'{"text": "\\ud83d"}\n{"text": "\\u0000"}\n{"text": "\xff"}\n'
        b'{"id": 570000000000000001, "late": true, "n": {"a": [1e5, "1", null]}, "text": null}'
    )
    assert bulk(path) == (
        ("id", "text", "late", "n"),
        [["1.50", "a", "", ""], ["570000000000000001", "", "true", '{"a":[1e5,"1",null]}']],
        {
            2: "repeated key",
            3: "no JSON object",
            4: "not JSON",
            5: "lone surrogate",
            6: "NUL byte",
            7: "not UTF-8",
        },
    )
    with pytest.raises(RecordError, match=r"a\.jsonl, line 3: repeated key; give each key once"):
        read_columns(path, ["id"])
    path.write_bytes('{"text": "é"}\r\n'.encode("utf-16"))
    assert bulk(path) == (("text",), [["é"]], {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"a": 1}]', "is a JSON array; write one object a line"),
        (b'{\n "a": 1\n}\n', "is JSON with objects over several lines"),
        (b'{"id": {"0": 1}, "text": {"0": "a"}}', "is one object that holds whole columns"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"is an old Excel file \(.xls\), or one with a pass"),
        (b"PAR1 and no more", "is a damaged Parquet file"),
    ],
)
def test_what_is_no_table_is_said_with_the_remedy(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(content)
    with pytest.raises(DataError, match=message):
        bulk(tmp_path / "in")


def test_a_bracket_in_a_header_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"[id],[text]\n1,a\n")
    assert bulk(tmp_path / "in") == (("[id]", "[text]"), [["1", "a"]], {})


def test_a_sheet_gives_values_as_text(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        [],
        ["id", "text", "n"],
        [123456789012345678, "a", 7.0],
        [0.25, None, 7.91557e40],
        [],
        [datetime(2024, 1, 31, 10, 5), True, date(2024, 1, 31), "more"],
        ["#N/A", "x_x000D_y"],
    ):
        sheet.append(row)
    book.create_sheet("Two").append(["other"])
    book.save(tmp_path / "in.xlsx")
    columns, rows, reasons = bulk(tmp_path / "in.xlsx")
    assert columns == ("id", "text", "n")
    assert rows[1:] == [["0.25", "", "7.91557e+40"], ["#N/A", "x\ry", ""]]
    assert rows[0][1:] == ["a", "7"]
    assert reasons == {3: "wrong number of columns"}
    with pytest.raises(RecordError, match=r"line 6: .*\(4, the header has 3\); name each column"):
        read_columns(tmp_path / "in.xlsx", ["id"])
    assert bulk(tmp_path / "in.xlsx", sheet="Two")[0] == ("other",)
    with pytest.raises(DataError, match="has no sheet 'No'; it has 'Sheet', 'Two'"):
        bulk(tmp_path / "in.xlsx", sheet="No")


def test_a_formula_without_a_value_is_empty_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "text"])
    sheet.append([1, "=A1"])
    book.save(tmp_path / "in.xlsx")
    assert bulk(tmp_path / "in.xlsx") == (("id", "text"), [["1", ""]], {})
    assert "1 formulas have no computed value" in caplog.text


def test_parquet_types_as_text(tmp_path: Path) -> None:
    hour = datetime(2024, 1, 31, 10)
    table = pa.table(
        {
            "s": ["a", "b\0", None],
            "b": [b"ok", b"x", b"\xff"],
            "money": [Decimal("1.50")] * 3,
            "at": pa.array([hour] * 3, pa.timestamp("us", "Europe/Berlin")),
            "day": [date(2024, 1, 2)] * 3,
            "one": pa.array(["q"] * 3).dictionary_encode(),
            "f": [7.0, 0.1, None],
            "st": [{"a": 1, "b": [None]}] * 3,
            "__index_level_0__": [1, 2, 3],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    assert bulk(tmp_path / "in.parquet") == (
        ("s", "b", "money", "at", "day", "one", "f", "st"),
        [["a", "ok", "1.50", "2024-01-31T10:00:00Z", "2024-01-02", "q", "7", '{"a":1,"b":[null]}']],
        {2: "NUL byte", 3: "not UTF-8"},
    )


def test_an_upload_unpacks_to_no_more_than_is_allowed() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number in range(2_000):
        sheet.append([number, "text"])
    file = io.BytesIO()
    book.save(file)
    lines = "\n".join(json.dumps({"text": "a" * 50}) for _ in range(2_000)).encode()
    for body in (file.getvalue(), gzip.compress(lines), gzip.compress(b"text\n" + b"a\n" * 40_000)):
        assert len(body) < 50_000
        with pytest.raises(TooLargeError, match="unpacks to more than 50,000 bytes"):
            upload(body, max_bytes=50_000)


def test_gold_with_a_comma_too_many_is_refused_with_line_and_remedy() -> None:
    wide = r"line 2: wrong number of columns \(3, the header has 2\); put a field that holds ','"
    with pytest.raises(DataError, match=wide):
        read_columns(CASES / "gold_commas.csv", ("text", "label"))
    with pytest.raises(DataError, match=r"synthetic_commas.csv, line 2: wrong number of columns"):
        read_columns(CASES / "synthetic_commas.csv", ("text", "label"))
