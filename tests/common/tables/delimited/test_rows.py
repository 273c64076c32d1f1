from typing import Any

import pytest

from common.tables.delimited.layout import find_layout
from common.tables.delimited.rows import is_utf8, read_rows


def read(lines: bytes, width: int = 3, max_field_bytes: int = 1000) -> tuple[Any, Any]:
    """Rows and rejected records by number, the numbers from 0."""
    block = find_layout(b"\n" + lines, final=True, max_open=len(lines) + 1)
    found = read_rows(block, width=width, max_field_bytes=max_field_bytes)
    rows = zip(*[column.to_pylist() for column in found.table.columns], strict=True)
    rejected = {r.number: (r.reason, r.record) for r in found.rejected}
    assert found.records == len(found.numbers) + len(rejected)
    return dict(zip(found.numbers.tolist(), rows, strict=True)), rejected


def test_values_stay_as_they_are() -> None:
    rows, rejected = read(b'1, x ,NULL\n"","2,5","say ""hi"""\r\n\xef\xbb\xbfa,"\r\n",5" pipe\n')
    assert rows == {
        0: ("1", " x ", "NULL"),
        1: ("", "2,5", 'say "hi"'),
        2: ("\ufeffa", "\r\n", '5" pipe'),
    }
    assert rejected == {}


def test_byte_order_mark_in_the_first_record_is_text() -> None:
    assert read(b"\xef\xbb\xbfa,b,c\n")[0] == {0: ("\ufeffa", "b", "c")}


def test_wrong_width() -> None:
    rows, rejected = read(b'1,2,3\n4,5\n\n6,"x\ny",7\n8,9,10,11\n1,2,3\n')
    assert list(rows) == [0, 2, 4]
    assert rejected == {
        1: ("wrong number of columns", "4,5"),
        3: ("wrong number of columns", "8,9,10,11"),
    }


def test_wrong_width_of_a_record_that_is_no_utf8_either() -> None:
    rows, rejected = read(b"1,2,3\n4,\xff\n5,6,7\n8\n")
    assert list(rows) == [0, 2]
    assert rejected == {1: ("not UTF-8", "4,\\xff"), 3: ("wrong number of columns", "8")}


def test_every_kind_of_trouble_at_once() -> None:
    lines = (
        b'1,2,3\nx,\x00,y\n"a"b,c,d\n4,"5\n5",6\n\xff,,\n' + b"7,8," + b"9" * 60 + b"\n7,8\n,,\n"
    )
    rows, rejected = read(lines, max_field_bytes=50)
    assert rows == {0: ("1", "2", "3"), 3: ("4", "5\n5", "6"), 7: ("", "", "")}
    assert {number: reason for number, (reason, _) in rejected.items()} == {
        1: "NUL byte",
        2: "broken quote",
        4: "not UTF-8",
        5: "field too long",
        6: "wrong number of columns",
    }


def test_length_is_counted_in_bytes() -> None:
    assert read("é,1,2\n".encode() * 2, max_field_bytes=2)[1] == {}
    assert len(read("é€,1,2\n".encode() * 2, max_field_bytes=4)[1]) == 2


def test_record_that_swallowed_others_is_taken_apart() -> None:
    # The quote in "2" meets the opening quote in "5", whose text starts with a comma.
    rows, rejected = read(b'1,a,b\n2,"x,y\n3,c,d\n4,e,f\n5,", well",g\n6,h,i\n')
    assert rows == {
        0: ("1", "a", "b"),
        2: ("3", "c", "d"),
        3: ("4", "e", "f"),
        4: ("5", ", well", "g"),
        5: ("6", "h", "i"),
    }
    assert rejected == {1: ("broken quote", '2,"x,y')}


def test_swallowed_rows_are_given_back_when_the_field_is_too_long() -> None:
    lines = b'1,2,"x\n' + b"a,b,c\n" * 20 + b'y,z,"\nlast,l,m\n'
    rows, rejected = read(lines, max_field_bytes=50)
    assert len(rows) == 21
    assert rejected == {0: ("broken quote", '1,2,"x'), 21: ("broken quote", 'y,z,"')}


@pytest.mark.parametrize("lines", [b'1,"two\nlines"\n', b'1,"a\n\nb",c,d\n', b'1,"x\nc,d\ny"\n'])
def test_wide_or_narrow_record_with_line_breaks_stays_one(lines: bytes) -> None:
    rows, rejected = read(lines + b"1,2,3\n")
    assert list(rows) == [1]
    assert [reason for reason, _ in rejected.values()] == ["wrong number of columns"]


def test_single_column() -> None:
    rows, rejected = read(b'hi\n\n""\n"a, b"\nc, d\n', width=1)
    assert rows == {0: ("hi",), 1: ("",), 2: ("a, b",)}
    assert rejected == {3: ("wrong number of columns", "c, d")}


def test_block_without_a_single_row() -> None:
    assert read(b"1\n2,3\n")[0] == {}
    assert read(b"\xff\n")[1] == {0: ("not UTF-8", "\\xff")}


@pytest.mark.parametrize(
    ("data", "valid"),
    [
        (b"", True),
        ("é€😀\x00".encode(), True),
        (b"\xe9", False),
        (b"\xed\xa0\x80", False),
        (b"\xc0\x80", False),
        (b"a\xe2\x82", False),
    ],
)
def test_is_utf8(data: bytes, valid: bool) -> None:
    assert is_utf8(memoryview(data)) is valid
