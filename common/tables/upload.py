"""Read a table that someone sent, strictly: CSV, JSONL or .xlsx, found by its bytes.

A gzip file is unpacked as it is read. What is unpacked is counted, so that a small body can't
fill the memory.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, cast

from common.errors import DataError
from common.tables.encoding import OpenStream
from common.tables.entries import Entries
from common.tables.form import Form, Kind
from common.tables.formats import kind_of_stream
from common.tables.jsonl import read_jsonl
from common.tables.records import WRONG_WIDTH
from common.tables.strict import Record, RecordError, StrictTable, open_strict
from common.tables.xlsx import read_xlsx, unpacked_bytes

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_LOOKED_AT = 1 << 12


# Only the rows of a sheet have a width of their own.
_SHEET_REMEDIES = {WRONG_WIDTH: "name each column in the header row"}


class TooLargeError(DataError):
    """A file unpacks to more than is allowed."""


@contextmanager
def open_upload(
    open_stream: OpenStream, *, name: str, max_bytes: int, block_bytes: int, max_record_bytes: int
) -> Iterator[StrictTable]:
    """Read the columns at once, the records as they are asked for.

    Args:
        open_stream: opens the file as sent, from its start; the only file in a ZIP where it was
            one. JSONL and .xlsx are read into memory where the stream can't seek.
        name: what errors call it.
        max_bytes: most that a gzip file or a workbook may unpack to.
        block_bytes: how much of a CSV to read at a time.
        max_record_bytes: a longer record (CSV), or field (others), is refused.

    Raises:
        TooLargeError: also while reading on.
        DataError: if it is no such table; while reading on, a RecordError.
    """
    with open_stream() as stream:
        packed = stream.read(2) == _GZIP
    plain = partial(_unpacked, open_stream, name, max_bytes) if packed else open_stream
    with plain() as stream:
        start = stream.read(_LOOKED_AT)
    # Of a ZIP the start is not enough; is it a workbook is asked of the whole, below.
    kind = "xlsx" if start.startswith(_ZIP) else kind_of_stream(io.BytesIO(start), name=name)
    if kind == "parquet":
        raise DataError(f"{name} is a Parquet file; send it as CSV, JSONL or .xlsx")
    if kind == "csv":
        with open_strict(
            plain, name=name, block_bytes=block_bytes, max_record_bytes=max_record_bytes
        ) as table:
            yield table
        return
    with plain() as stream:
        body = stream if stream.seekable() else io.BytesIO(stream.read())
        if kind == "jsonl":
            entries = read_jsonl(body, name=name, max_field_bytes=max_record_bytes)
        else:
            kind_of_stream(body, name=name)
            if unpacked_bytes(body, most=max_bytes) > max_bytes:
                raise _too_large(name, max_bytes)
            entries = read_xlsx(body, name=name, max_field_bytes=max_record_bytes)
        yield strict_table(entries, name=name, kind=kind)


def strict_table(entries: Entries, *, name: str, kind: Kind) -> StrictTable:
    """Entries up to the first that is rejected; what is null or missing is an empty string."""

    def records() -> Iterator[Record]:
        for entry in entries.records:
            record = Record(entry.number, entry.line, [field or "" for field in entry.fields])
            if entry.reason:
                raise RecordError(
                    name,
                    record,
                    entry.reason,
                    width=width,
                    remedy=_SHEET_REMEDIES.get(entry.reason),
                )
            yield record

    width = len(entries.columns)
    return StrictTable(entries.columns, records(), Form(kind))


class _Counted(io.RawIOBase):
    """What a gzip file really unpacks to, up to a limit."""

    def __init__(self, source: IO[bytes], name: str, max_bytes: int) -> None:
        super().__init__()
        self._source, self._name = source, name
        self._max_bytes = self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._source.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise DataError(f"{self._name} is a damaged gzip file; compress it anew") from None
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._name, self._max_bytes)
        buffer[: len(piece)] = piece
        return len(piece)


def _too_large(name: str, max_bytes: int) -> TooLargeError:
    return TooLargeError(f"{name} unpacks to more than {max_bytes:,} bytes; send fewer rows")


@contextmanager
def _unpacked(open_stream: OpenStream, name: str, max_bytes: int) -> Iterator[IO[bytes]]:
    with open_stream() as stream:
        source = cast(IO[bytes], gzip.GzipFile(fileobj=stream))
        yield io.BufferedReader(cast(Any, _Counted(source, name, max_bytes)))
