import io
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.tables.delimited.blocks import read_blocks
from common.tables.delimited.records import Records
from common.tables.encodings.stream import TextStream


def stream(data: bytes) -> TextStream:
    return TextStream(io.BytesIO(data), partial(io.BytesIO, data))


def blocks(data: bytes, block_bytes: int = 1000) -> tuple[Any, list[Any]]:
    table = read_blocks(stream(data), name="x.csv", block_bytes=block_bytes)
    return table.columns, [b.data[: b.end] for b in table.blocks]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (b"a,b\n", ("a", "b")),
        (b"\xef\xbb\xbfa,b\r\n", ("a", "b")),
        (b"a,b\r", ("a", "b")),
        (b"\r\n\na,b\n", ("a", "b")),
        (b"a,b", ("a", "b")),
        (b'"a, or b","line\nbreak","say ""hi"""\n', ("a, or b", "line\nbreak", 'say "hi"')),
        (b",text\n", ("", "text")),
        (b"a,Text,text\n", ("a", "Text", "text")),
        ("größe,né\n".encode(), ("größe", "né")),
    ],
)
def test_column_names(header: bytes, columns: tuple[Any, ...]) -> None:
    assert blocks(header)[0] == columns


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.csv is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "x.csv is empty"),
        (b"caf\x81,text\n", "the header of x.csv cannot be read"),
        (b'"a,b\n1,2\n', "a quote that is never closed; mend line 1"),
        (b'"a"b,c\n', "the header of x.csv cannot be read"),
    ],
)
def test_header_that_cannot_be_used(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        blocks(data)


@pytest.mark.parametrize("block_bytes", [1, 7, 1000])
def test_a_header_longer_than_a_block_is_read_whole(block_bytes: int) -> None:
    data = b'\r\n\r\n"a long\r\nname, with a break",text\r\n1,2\r\n'
    table = read_blocks(stream(data), name="x.csv", block_bytes=block_bytes, max_open=100)
    assert table.columns == ("a long\r\nname, with a break", "text")
    assert table.header_lines == 3
    assert b"".join(b.data[: b.end] for b in table.blocks).split() == [b"1,2"]


def test_blocks_hold_whole_records() -> None:
    data = b"a,b\n" + b'1,"x\ny"\n' * 5 + b"2,z"
    found = blocks(data, block_bytes=10)[1]
    assert len(found) > 2
    assert all(block.startswith(b"\n") and block.endswith(b"\n") for block in found)
    lines = b"".join(found).replace(b"\n\n", b"\n")
    assert lines == b"\n" + b'1,"x\ny"\n' * 5 + b"2,z\n"


def test_header_alone_gives_no_record() -> None:
    columns, found = blocks(b"a,b\n")
    assert (columns, b"".join(found).strip()) == (("a", "b"), b"")


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_the_line_after_an_endless_one_is_whole_wherever_a_read_ends(end: bytes) -> None:
    # Of 20 lengths one lets a read begin with the line end, and others hold several in one read.
    for length in range(60, 80):
        data = b"a,b" + end + b"1," + b"x" * length + end + b"2,y" + end + b"3,z" + end
        found = b"".join(blocks(data, block_bytes=20)[1])
        assert found.split()[1:] == [b"2,y", b"3,z"], length


def test_rest_of_an_endless_line_is_skipped() -> None:
    data = b"a,b\n1," + b"x" * 95 + b"\n2,y\n"
    found = b"".join(blocks(data, block_bytes=20)[1])
    assert found.split() == [b"1," + b"x" * found.count(b"x"), b"2,y"]
    assert 20 < found.count(b"x") < 60
    assert blocks(b"a,b\n1," + b"x" * 95, block_bytes=20)[1][-1].endswith(b"x")


def records(data: bytes, block_bytes: int) -> list[tuple[bytes, str]]:
    """All records of a file in order, those that layout calls broken with the reason."""
    found: list[tuple[bytes, str]] = []
    table = read_blocks(stream(b"a\n" + data), name="x.csv", block_bytes=block_bytes)
    for block in table.blocks:
        held = Records(block)
        reasons = {r.number: r.reason for r in held.rejected()}
        for number in range(len(held.starts)):
            record = held.bytes_of(number).rstrip(b"\r\n")
            found.append((record, reasons.get(number, "")))
    return found


@settings(max_examples=500)
@given(st.lists(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"bc"]), max_size=60), st.data())
def test_size_of_the_blocks_changes_nothing(pieces: Any, draw: st.DataObject) -> None:
    data = b"".join(pieces)
    whole = records(data, 1000)
    longest = max([len(record) for record, _ in whole], default=1)
    assert records(data, draw.draw(st.integers(longest + 2, longest + 20))) == whole
