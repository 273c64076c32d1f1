import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from common.tables.files import Record, column_index, harmless, open_csv, write_csv


def read(path: Path) -> tuple[list[str], list[Record]]:
    with open_csv(path) as (header, records):
        return header, list(records)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"id,text\n1,hello\n2,you\n", [["1", "hello"], ["2", "you"]]),
        (b"id,text\r\n1,hello\r\n", [["1", "hello"]]),
        (b'id,text\n1,"two\nlines"\n2,"a\r\nb"\n', [["1", "two\nlines"], ["2", "a\r\nb"]]),
        (b'id,text\n1,"say ""hi"", then, go"\n', [["1", 'say "hi", then, go']]),
        (b"\xef\xbb\xbfid,text\n1,a\n", [["1", "a"]]),
        (b"id,text\n1,caf\xe9\n", [["1", "caf�"]]),
        (b"id,text\n1,nul\x00here\n", [["1", "nul\x00here"]]),
        (b"id,text\n1,last", [["1", "last"]]),
        (b"id,text\n\n1,a\n\n\n2,b\n", [["1", "a"], ["2", "b"]]),
        (b"id,text\n,\n", [["", ""]]),
        (b"id,text\n", []),
    ],
)
def test_records_are_read_exactly(tmp_path: Path, content: bytes, rows: list[list[str]]) -> None:
    header, records = read(write(tmp_path, content))
    assert header == ["id", "text"]
    assert [record.fields for record in records] == rows
    assert [record.number for record in records] == list(range(1, len(rows) + 1))


def test_a_gz_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"text\nhello\n"))
    assert read(path) == (["text"], [Record(1, ["hello"])])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"", "is empty; it needs a header line"),
        ("in.csv.gz", b"no gzip", "cannot be read after record 0"),
        ("in.csv.gz", gzip.compress(b"text\nhello\n", mtime=0)[:-9], "cannot be read after record"),
        ("in.csv", b'text\nfirst\n"' + b"x" * 16_000_001, "after record 1 .*quote left open"),
    ],
)
def test_what_is_no_csv_is_an_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        read(tmp_path / "none.csv")


def test_a_missing_column_is_named_with_what_there_is() -> None:
    message = r"in.csv has no column 'text'; it has 'id', 'body'; .*TEXT_COLUMN=name"
    with pytest.raises(DataError, match=message):
        column_index(["id", "body"], "text", path=Path("in.csv"))


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="two columns named 'a'"):
        column_index(["a", "text", "a"], "text", path=Path("in.csv"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "'=1"),
        ("a=1", "a=1"),
        ("1-1", "1-1"),
        ("", ""),
    ],
)
def test_formulas_get_an_apostrophe(value: str, written: str) -> None:
    assert harmless(value) == written


def test_the_apostrophe_is_inside_the_quotes() -> None:
    file = io.StringIO()
    write_csv(file, [['=HYPERLINK("http://x","a")', "b"]])
    assert file.getvalue() == '"\'=HYPERLINK(""http://x"",""a"")",b\r\n'


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2)))
def test_what_is_written_reads_back(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    write_csv(file, rows)
    back = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert back == [[harmless(value) for value in row] for row in rows]
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for r in back for value in r)
