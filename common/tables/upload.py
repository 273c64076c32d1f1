"""Read a table that someone sent: CSV, JSONL or .xlsx, found by its bytes, also in gzip.

What is unpacked is counted, so that a small body can't fill the memory. `open_upload` stops at
the first record that is no row; `tolerant` goes on after it.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, NamedTuple, cast

from common.errors import DataError
from common.tables.counted import Counted
from common.tables.delimited.records import WRONG_WIDTH
from common.tables.encodings.western import OpenStream
from common.tables.form import Kind
from common.tables.formats.entries import Entries
from common.tables.formats.jsonl import read_jsonl
from common.tables.formats.kind import kind_of_stream
from common.tables.formats.xlsx import read_xlsx, unpacked_bytes
from common.tables.strict import Record, RecordError, StrictTable, open_strict

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_LOOKED_AT = 1 << 12


# Only the rows of a sheet have a width of their own.
_SHEET_REMEDIES = {WRONG_WIDTH: "name each column in the header row"}


class TooLargeError(DataError):
    """A file unpacks to more than is allowed."""


class Upload(NamedTuple):
    """The kind of a table, and what opens its uncompressed bytes; those of .xlsx as they are."""

    kind: Kind
    open_stream: OpenStream


def recognised(open_stream: OpenStream, *, name: str, max_bytes: int) -> Upload:
    """Look at a file.

    Args:
        open_stream: opens the file as sent, from its start; the only file in a ZIP where it was
            one.
        name: what errors call it.
        max_bytes: most that a gzip file may unpack to; reading on raises a TooLargeError.

    Raises:
        DataError: if it is a table that is not taken.
    """
    with open_stream() as stream:
        packed = stream.read(2) == _GZIP
    plain = partial(_unpacked, open_stream, name, max_bytes) if packed else open_stream
    with plain() as stream:
        start = stream.read(_LOOKED_AT)
        # Of a ZIP the start is not enough.
        whole = io.BytesIO(start + stream.read() if start.startswith(_ZIP) else start)
    kind = kind_of_stream(whole, name=name)
    if kind == "parquet":
        raise DataError(f"{name} is a Parquet file; send it as CSV, JSONL or .xlsx")
    return Upload(kind, plain)


@contextmanager
def open_entries(
    upload: Upload, *, name: str, max_bytes: int, max_field_bytes: int, encoding: str | None
) -> Iterator[Entries]:
    """The records of JSONL or .xlsx, read into memory where the stream can't seek.

    Raises:
        TooLargeError: if a workbook unpacks to more than ``max_bytes``.
        DataError: if there are no columns.
    """
    with upload.open_stream() as stream:
        body = stream if stream.seekable() else io.BytesIO(stream.read())
        if upload.kind == "jsonl":
            yield read_jsonl(body, name=name, encoding=encoding, max_field_bytes=max_field_bytes)
            return
        if unpacked_bytes(body, most=max_bytes) > max_bytes:
            raise _too_large(name, max_bytes)
        yield read_xlsx(body, name=name, max_field_bytes=max_field_bytes)


@contextmanager
def open_upload(
    open_stream: OpenStream,
    *,
    name: str,
    max_bytes: int,
    block_bytes: int,
    max_record_bytes: int,
    encoding: str | None = None,
) -> Iterator[StrictTable]:
    """Read the columns at once, the records as they are asked for.

    Args:
        open_stream: as of ``recognised``.
        name: what errors call the file.
        max_bytes: most that a gzip file or a workbook may unpack to.
        block_bytes: how much of a CSV to read at a time.
        max_record_bytes: a longer record (CSV), or field (others), is refused.
        encoding: a Python codec; None: found in the file.

    Raises:
        TooLargeError: also while reading on.
        DataError: if it is no such table; while reading on, a RecordError.
    """
    upload = recognised(open_stream, name=name, max_bytes=max_bytes)
    if upload.kind == "csv":
        with open_strict(
            upload.open_stream,
            name=name,
            encoding=encoding,
            block_bytes=block_bytes,
            max_record_bytes=max_record_bytes,
            log=False,
        ) as table:
            yield table
        return
    with open_entries(
        upload,
        name=name,
        max_bytes=max_bytes,
        max_field_bytes=max_record_bytes,
        encoding=encoding,
    ) as entries:
        yield strict_table(entries, name=name)


def strict_table(entries: Entries, *, name: str) -> StrictTable:
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
    return StrictTable(entries.columns, records())


def _too_large(name: str, max_bytes: int) -> TooLargeError:
    return TooLargeError(f"{name} unpacks to more than {max_bytes:,} bytes; send fewer rows")


@contextmanager
def _unpacked(open_stream: OpenStream, name: str, max_bytes: int) -> Iterator[IO[bytes]]:
    with open_stream() as stream:
        unpacked = Counted(
            cast(IO[bytes], gzip.GzipFile(fileobj=stream)),
            max_bytes=max_bytes,
            broken=(EOFError, gzip.BadGzipFile, zlib.error),
            damaged=DataError(f"{name} is a damaged gzip file; compress it anew"),
            too_large=_too_large(name, max_bytes),
        )
        yield io.BufferedReader(unpacked)
