"""Cut a CSV stream into blocks of whole records, in bounded memory.

A stream of bytes goes in; out come the header's column names and blocks whose structure is known
(csv_layout). What a record leaves unfinished at the end of a block is carried to the next one.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from common.errors import DataError
from common.tables.layout import TOO_LONG, Layout, find_layout

BLOCK_BYTES = 8 << 20
ROW_COLUMN = "source_row"


class Table(NamedTuple):
    """The columns of a CSV, and its records block by block (to be read once)."""

    columns: tuple[str, ...]
    blocks: Iterator[Layout]


def read_blocks(stream: IO[bytes], *, name: str, block_bytes: int = BLOCK_BYTES) -> Table:
    """Read the header at once, the blocks as they are asked for.

    Args:
        stream: uncompressed bytes.
        name: what errors call the file.
        block_bytes: how much to read at a time, and how long an open record may get.

    Raises:
        DataError: if the file is empty, is UTF-16, or has no readable header.
    """
    start = stream.read(block_bytes)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{name} is UTF-16; save it as UTF-8 and run again")
    start = start.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    if not start:
        raise DataError(f"{name} is empty; it needs a header line and records")
    header, rest = _split_header(start, name=name)
    return Table(_column_names(header, name=name), _blocks(stream, rest, block_bytes))


def _split_header(start: bytes, *, name: str) -> tuple[bytes, bytes]:
    """The first record and what follows it; its fields may hold line ends inside quotes."""
    inside = False
    for mark in re.finditer(rb'["\r\n]', start):
        if mark[0] == b'"':
            inside = not inside
        elif not inside:
            return start[: mark.start()], start[mark.start() :]
    if inside:
        raise DataError(f"the header of {name} has a quote that is never closed; mend line 1")
    return start, b""


def _column_names(header: bytes, *, name: str) -> tuple[str, ...]:
    try:
        fields = next(csv.reader([header.decode()], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"the header of {name} cannot be read ({error}); mend line 1") from None
    names = tuple(field or f"column_{at}" for at, field in enumerate(fields, start=1))
    # Spark, which reads the result, does not tell "Text" from "text".
    folded = [column.casefold() for column in names]
    twice = sorted({n for n, f in zip(names, folded, strict=True) if folded.count(f) > 1})
    if twice:
        raise DataError(f"{name} has columns of the same name: {quoted(twice)}; rename them")
    if ROW_COLUMN in folded:
        raise DataError(f"{name} has a column {ROW_COLUMN!r}, which ingestion adds; rename it")
    return names


def _blocks(stream: IO[bytes], rest: bytes, block_bytes: int) -> Iterator[Layout]:
    """Blocks that start and end with a line end, as csv_layout wants them."""
    final = False
    while not final:
        read = stream.read(block_bytes)
        final = not read
        data = b"".join((b"\n", rest, read, b"\n" if final else b""))
        layout = find_layout(data, final=final, max_open=block_bytes)
        rest = data[layout.end :]
        if layout.end > 1:
            if layout.broken and layout.broken[-1].reason == TOO_LONG:
                rest, final = _skip_line(stream, block_bytes)
            yield layout


def _skip_line(stream: IO[bytes], block_bytes: int) -> tuple[bytes, bool]:
    """Drop bytes up to the next line end; return what was read behind it, and if all was read."""
    while read := stream.read(block_bytes):
        ends = [at for end in (b"\n", b"\r") if (at := read.find(end)) >= 0]
        if ends:
            return read[min(ends) :], False
    return b"", True


def quoted(names: list[str] | tuple[str, ...]) -> str:
    """Names as an error message shows them."""
    return ", ".join(repr(name) for name in names)
