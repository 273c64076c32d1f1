"""Read a table record by record and stop at the first that is no row; no Arrow is needed.

For files that people write by hand or send: labeled texts, corrections, synthetic messages. What
is a record, and what is wrong with one, is found as in bulk; here one fault refuses the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from common.errors import DataError
from common.tables.delimited.blocks import BLOCK_BYTES, count_lines, strict_reader
from common.tables.delimited.csv_text import CsvText, open_csv
from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG
from common.tables.delimited.records import NOT_UTF8, NUL, WRONG_WIDTH, Numbers, Records
from common.tables.encodings.western import OpenStream
from common.tables.formats.entries import LONE_SURROGATE, NO_OBJECT, NOT_JSON, REPEATED_KEY

MAX_RECORD_BYTES = 16 << 20
_REMEDIES = {
    BROKEN_QUOTE: "close it, and double each quote inside a quoted field",
    TOO_LONG: "shorten it",
    NUL: "save the file as UTF-8",
    NOT_UTF8: "save the file as UTF-8, or name its encoding: ENCODING= (ingestion.encoding)",
    WRONG_WIDTH: 'put a field that holds {delimiter!r} into double quotes: "Hello{delimiter} you"',
    NOT_JSON: "write one JSON object a line",
    NO_OBJECT: "write one JSON object a line",
    REPEATED_KEY: "give each key once",
    LONE_SURROGATE: "delete the half of a character in it",
}


class Record(NamedTuple):
    """A row: its number from 1, the header not counted, the line where it starts, its fields."""

    number: int
    line: int
    fields: list[str]


class RecordError(DataError):
    """A record that is no row: its number, and one of the reasons that records are rejected for.

    fields, width: how many fields it has, where that is what is wrong, and the header has.
    """

    def __init__(
        self,
        name: str,
        record: Record,
        reason: str,
        *,
        width: int,
        delimiter: str = ",",
        remedy: str | None = None,
    ) -> None:
        self.number, self.reason = record.number, reason
        self.fields, self.width = len(record.fields), width
        counted = f" ({self.fields}, the header has {width})" if reason == WRONG_WIDTH else ""
        remedy = remedy or _REMEDIES[reason].format(delimiter=delimiter)
        super().__init__(f"{name}, line {record.line}: {reason}{counted}; {remedy}")


@dataclass(frozen=True)
class StrictTable:
    """What a strict reader of any format gives; the records end with a RecordError or the file."""

    columns: tuple[str, ...]
    records: Iterator[Record]


@contextmanager
def open_strict(
    open_stream: OpenStream,
    *,
    name: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    max_record_bytes: int = MAX_RECORD_BYTES,
    log: bool = True,
) -> Iterator[StrictTable]:
    """Read the header at once, the records as they are asked for, ``block_bytes`` at a time.

    The arguments are those of ``open_csv``.

    Raises:
        DataError: if there is no readable header; while reading on, a RecordError.
    """
    opened = open_csv(
        open_stream,
        name=name,
        encoding=encoding,
        delimiter=delimiter,
        block_bytes=block_bytes,
        max_open=max_record_bytes,
        log=log,
    )
    with opened as csv:
        records = _records(csv, name=name, max_record_bytes=max_record_bytes)
        yield StrictTable(csv.blocks.columns, records)


def _records(csv: CsvText, *, name: str, max_record_bytes: int) -> Iterator[Record]:
    table = csv.blocks
    before, lines, width = 0, table.header_lines, len(table.columns)
    refused = partial(RecordError, name, width=width, delimiter=table.delimiter)
    for block in table.blocks:
        records = Records(block)
        records.reject_unreadable()
        lengths = records.stops - records.starts
        records.reject(np.flatnonzero(lengths > max_record_bytes), TOO_LONG)
        reasons = {rejected.number: rejected.reason for rejected in records.rejected()}
        good = strict_reader(records.good_bytes().decode(), table.delimiter)
        for number, line in enumerate(_lines(block.data, records.starts)):
            at = Record(before + number + 1, lines + line, [])
            if number in reasons:
                raise refused(at, reasons[number])
            record = at._replace(fields=next(good))
            if len(record.fields) != width:
                raise refused(record, WRONG_WIDTH)
            yield record
        before += len(records.starts)
        lines += count_lines(block.data[1 : block.end])


def _lines(data: bytes, starts: Numbers) -> list[int]:
    """The line of each position, from 1, as the line end that a block starts with counts too."""
    chars = np.frombuffer(data, np.uint8)
    ends = chars == ord("\n")
    lone = chars == ord("\r")
    lone[:-1] &= ~ends[1:]
    return list(np.searchsorted(np.flatnonzero(ends | lone), starts).tolist())
