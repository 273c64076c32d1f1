"""Cut a CSV stream into blocks of whole records, in bounded memory.

A stream of UTF-8 goes in; out come the delimiter, the header's fields and blocks whose structure is
known (layout). What a record leaves unfinished at the end of a block is carried to the next one.
The first record that is no UTF-8 has the stream decide on the file's encoding.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from common.errors import DataError
from common.tables.delimited.dialect import find_delimiter, split_sep_line
from common.tables.delimited.layout import TOO_LONG, Layout, find_layout
from common.tables.delimited.records import first_undecoded
from common.tables.encodings.encoding import IsUtf8, is_utf8
from common.tables.encodings.stream import TextStream

BLOCK_BYTES = 8 << 20
_ANY_SIZE = 1 << 30  # how long records get is bounded here, before their fields are read


class Blocks(NamedTuple):
    """A CSV: its header, as written, and its records block by block (to be read once).

    header_lines: line ends before the first block, which starts with that of the header.
    """

    delimiter: str

    columns: tuple[str, ...]
    header_lines: int
    blocks: Iterator[Layout]


def read_blocks(
    stream: TextStream,
    *,
    name: str,
    block_bytes: int = BLOCK_BYTES,
    max_open: int | None = None,
    delimiter: str | None = None,
    valid: IsUtf8 = is_utf8,
) -> Blocks:
    """Read the header at once, the blocks as they are asked for.

    Args:
        stream: from its start.
        name: what errors call the file.
        block_bytes: how much to read at a time.
        max_open: how long an unfinished record, or the header, may get; by default a block.
        delimiter: one ASCII character; None: the one of a first line sep=, else found.
        valid: tells UTF-8, where there is a faster way than Python's.

    Raises:
        DataError: if the file is empty, or has no readable header.
    """
    max_open = max_open or block_bytes
    declared, sep_line = split_sep_line(stream.sample)
    sample = stream.sample[len(sep_line) :].decode(errors="replace")
    delimiter = delimiter or declared or find_delimiter(sample)
    stream.read(len(sep_line))
    header, rest = _read_header(stream, delimiter, block_bytes=block_bytes, max_open=max_open)
    if stream.doubtful and not is_utf8(header) and stream.decide(header + rest):
        header, rest = _read_header(stream, delimiter, block_bytes=block_bytes, max_open=max_open)
    if not header.strip(b"\r\n"):
        raise DataError(f"{name} is empty; it needs a header line and records")
    return Blocks(
        delimiter,
        _fields(header, delimiter, name=name),
        count_lines(sep_line + header),
        _blocks(stream, rest, block_bytes, max_open, delimiter, valid),
    )


def strict_reader(text: str, delimiter: str) -> Iterator[list[str]]:
    """The fields of each record; blank lines are no records."""
    csv.field_size_limit(_ANY_SIZE)
    return filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def count_lines(data: bytes) -> int:
    """How many lines end in ``data``, by LF, CR LF or CR."""
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _read_header(
    stream: TextStream, delimiter: str, *, block_bytes: int, max_open: int
) -> tuple[bytes, bytes]:
    start = stream.read(block_bytes)
    while (parts := _split_header(start, delimiter)) is None and len(start) < max_open:
        read = stream.read(max(block_bytes, len(start)))
        if not read:
            break
        start += read
    return parts or (start, b"")


def _split_header(start: bytes, delimiter: str) -> tuple[bytes, bytes] | None:
    """The first record, with blank lines before it, and what follows it; None if that is to come.

    Its fields may hold line ends inside quotes; a quote amid an unquoted field is plain text.
    """
    inside, closed, first = False, -1, len(start) - len(start.lstrip(b"\r\n"))
    for mark in re.compile(rb'["\r\n]').finditer(start, first):
        at = mark.start()
        if mark[0] != b'"':
            if not inside:
                return start[:at], start[at:]
        elif inside:
            inside, closed = False, at
        else:
            doubled = closed >= 0 and closed == at - 1
            inside = doubled or at == first or start[at - 1 : at] == delimiter.encode()
    return None


def _fields(header: bytes, delimiter: str, *, name: str) -> tuple[str, ...]:
    try:
        return tuple(next(strict_reader(header.decode(), delimiter)))
    except (UnicodeDecodeError, csv.Error) as error:
        if header.count(b'"') % 2:
            raise DataError(
                f"the header of {name} has a quote that is never closed; mend line 1"
            ) from None
        raise DataError(f"the header of {name} cannot be read ({error}); mend line 1") from None


def _blocks(
    stream: TextStream,
    rest: bytes,
    block_bytes: int,
    max_open: int,
    delimiter: str,
    valid: IsUtf8,
) -> Iterator[Layout]:
    """Blocks that start and end with a line end, as layout wants them."""
    final = False
    while not final:
        # An unfinished record is looked at again with as much behind it as there is of it: were
        # the reads all short, a long one would be looked at very often.
        read = stream.read(max(block_bytes, len(rest)))
        final = not read
        if read.endswith(b"\r"):
            read += stream.read(1)  # lest a CR LF be parted
        data = b"".join((b"\n", rest, read, b"\n" if final else b""))
        layout = find_layout(data, final=final, max_open=max_open, delimiter=delimiter)
        rest = data[layout.end :]
        if stream.doubtful:
            if valid(memoryview(data)[: layout.end]):
                layout = layout._replace(is_utf8=True)
            else:
                start = first_undecoded(layout)
                if stream.decide(data[start : len(data) - final]):
                    layout, rest, final = layout.until(start), b"", False
        if layout.end > 1:
            if layout.broken and layout.broken[-1].reason == TOO_LONG:
                rest, final = _skip_line(stream, block_bytes)
            yield layout


def _skip_line(stream: TextStream, block_bytes: int) -> tuple[bytes, bool]:
    """Drop bytes up to the next line end; return what was read behind it, and if all was read."""
    while read := stream.read(block_bytes):
        ends = [at for end in (b"\n", b"\r") if (at := read.find(end)) >= 0]
        if ends:
            return read[min(ends) :], False
    return b"", True
