import gzip
import io
from functools import partial
from pathlib import Path

import pytest

from common.errors import DataError
from common.tables.read import Row, read_columns
from common.tables.strict import Record, RecordError, open_strict


def write(folder: Path, content: bytes) -> Path:
    (folder / "in.csv").write_bytes(content)
    return folder / "in.csv"


def test_columns_are_read_in_the_order_asked_for_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b'id,text,label\n1,"a, b",x\n\n2,"two\nlines",\n3,,y')
    assert read_columns(path, ("label", "text")) == [
        Row(2, ("x", "a, b")),
        Row(4, ("", "two\nlines")),
        Row(6, ("y", "")),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block_bytes", [4, 5, 10, 1000])
def test_lines_and_numbers_are_right_for_every_line_end_and_block(
    end: bytes, block_bytes: int
) -> None:
    lines = [b"\xef\xbb\xbf", b"text", b"a", b"", b'"b', b'c"', b"d"]
    with open_strict(
        partial(io.BytesIO, end.join(lines)), name="it", block_bytes=block_bytes
    ) as table:
        broken = f"b{end.decode()}c"
        assert table.columns == ("text",)
        assert list(table.records) == [
            Record(1, 3, ["a"]),
            Record(2, 5, [broken]),
            Record(3, 7, ["d"]),
        ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b'c,"d\n', "it, line 4: broken quote; close it"),
        (b'c,"d"e\n', "it, line 4: broken quote; close it, and double each quote"),
        (b"c\n", "it, line 4: wrong number of columns (1, the header has 2); put a field"),
        (b"c,d,e\n", "(3, the header has 2); put a field that holds ',' into double quotes"),
        (b"c,\xe9\n", "it, line 4: not UTF-8; save the file as UTF-8"),
        (b"c,\0\n", "it, line 4: NUL byte; save the file as UTF-8"),
        (b"c," + b"x" * (17 << 20) + b"\n", "it, line 4: field too long; shorten it"),
    ],
)
def test_the_first_record_that_is_no_row_ends_it_with_the_line_and_the_remedy(
    record: bytes, message: str
) -> None:
    data = b'text,label\n"a\nb",x\n' + record + b"e,f,g,h\n"
    with open_strict(partial(io.BytesIO, data), name="it", block_bytes=1000) as table:
        assert next(table.records) == Record(1, 2, ["a\nb", "x"])
        with pytest.raises(RecordError) as error:
            next(table.records)
        assert error.value.number == 2
        assert message in str(error.value)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist; name a CSV file"):
        read_columns(tmp_path / "none.csv", ["text"])
    with pytest.raises(DataError, match="in.csv is empty"):
        read_columns(write(tmp_path, b""), ["text"])
    with pytest.raises(DataError, match="in.csv has no column 'text'; it has 'a', 'b'"):
        read_columns(write(tmp_path, b"a,b\n"), ["text"])


def test_a_compressed_file_is_read_like_its_plain_one(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"text\nhi\n"))
    assert read_columns(path, ["text"]) == [Row(2, ("hi",))]


def test_long_fields_are_no_fault() -> None:
    text = "x" * 1_000_000
    with open_strict(
        partial(io.BytesIO, f"text\n{text}\n".encode()), name="it", block_bytes=1 << 14
    ) as table:
        assert [record.fields for record in table.records] == [[text]]
