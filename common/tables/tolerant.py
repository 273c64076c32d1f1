"""Read a table without Arrow and go on after a record that is no row, as in bulk.

Rows, rejected records and their numbers are those that `table` gives for the same bytes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np

from common.tables.delimited.blocks import BLOCK_BYTES
from common.tables.delimited.csv_text import CsvText, open_csv
from common.tables.delimited.plain import PlainRows, read_plain
from common.tables.delimited.records import Rejected, placed
from common.tables.encodings.western import OpenStream
from common.tables.form import Form
from common.tables.formats.entries import Entries
from common.tables.upload import open_entries, recognised

_RECORDS_AT_ONCE = 1_000


@dataclass(frozen=True)
class TolerantTable:
    """A table as the file writes it.

    columns: some may be empty, or stand twice. blocks: to be read once, while the table is open.
    find_form: what was found to read the file by, as far as the blocks were read.
    """

    columns: tuple[str, ...]
    blocks: Iterator[PlainRows]
    find_form: Callable[[], Form]


@contextmanager
def open_tolerant(
    open_stream: OpenStream,
    *,
    name: str,
    max_bytes: int,
    max_field_mb: int,
    encoding: str | None = None,
) -> Iterator[TolerantTable]:
    """Open a CSV, JSONL or .xlsx; a record with a longer field than ``max_field_mb`` is rejected.

    Args:
        open_stream: opens the file as sent, from its start; the only file in a ZIP where it was
            one.
        name: what errors call the file.
        max_bytes: most that a gzip file or a workbook may unpack to.
        max_field_mb: as of ``open_table``.
        encoding: a Python codec; None: found in the file.

    Raises:
        TooLargeError: also while reading on.
        DataError: if it is no such table.
    """
    max_field_bytes = max_field_mb * 1_000_000
    upload = recognised(open_stream, name=name, max_bytes=max_bytes)
    if upload.kind == "csv":
        with open_csv(
            upload.open_stream,
            name=name,
            encoding=encoding,
            # As in bulk, lest records that are as long as a block be read in another way.
            block_bytes=max(BLOCK_BYTES, 2 * max_field_bytes),
            log=False,
        ) as csv:
            yield TolerantTable(csv.blocks.columns, _of_csv(csv, max_field_bytes), lambda: csv.form)
        return
    with open_entries(
        upload,
        name=name,
        max_bytes=max_bytes,
        max_field_bytes=max_field_bytes,
        encoding=encoding,
    ) as entries:
        yield TolerantTable(entries.columns, _of_entries(entries), lambda: Form(upload.kind))


def _of_csv(csv: CsvText, max_field_bytes: int) -> Iterator[PlainRows]:
    first, width = 1, len(csv.blocks.columns)
    for block in csv.blocks.blocks:
        found = read_plain(block, width=width, max_field_bytes=max_field_bytes)
        rejected = placed(found.rejected, first=first, undecoded=csv.encoding.reason)
        yield PlainRows(found.rows, found.numbers + first, rejected)
        first += found.records


def _of_entries(entries: Entries) -> Iterator[PlainRows]:
    while taken := list(islice(entries.records, _RECORDS_AT_ONCE)):
        good = [entry for entry in taken if not entry.reason]
        yield PlainRows(
            [entry.fields for entry in good],
            np.array([entry.number for entry in good], np.int64),
            [Rejected(e.number, e.reason, e.record) for e in taken if e.reason],
        )
