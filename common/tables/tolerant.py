"""Read a table without Arrow and go on after a record that is no row, as in bulk.

Rows, rejected records and their numbers are those that `table` gives for the same bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common.tables.blocks import BLOCK_BYTES
from common.tables.csv_text import CsvText, open_csv
from common.tables.encoding import OpenStream
from common.tables.form import Form
from common.tables.plain import PlainRows, read_plain
from common.tables.records import placed


@dataclass(frozen=True)
class TolerantTable:
    """A table as the file writes it.

    columns: some may be empty, or stand twice. blocks: to be read once, while the table is open.
    """

    columns: tuple[str, ...]
    blocks: Iterator[PlainRows]
    form: Form


@contextmanager
def open_tolerant(
    open_stream: OpenStream, *, name: str, max_field_mb: int, encoding: str | None = None
) -> Iterator[TolerantTable]:
    """Open a CSV; a record with a longer field than ``max_field_mb`` is rejected.

    Args:
        open_stream: opens the uncompressed bytes from their start.
        name: what errors call the file.
        max_field_mb: as of ``open_table``.
        encoding: a Python codec; None: found in all bytes of the file.

    Raises:
        DataError: if there is no readable header.
    """
    max_field_bytes = max_field_mb * 1_000_000
    block_bytes = max(BLOCK_BYTES, 2 * max_field_bytes)  # as in bulk, lest long records differ
    with open_csv(open_stream, name=name, encoding=encoding, block_bytes=block_bytes) as csv:
        yield TolerantTable(csv.blocks.columns, _blocks(csv, max_field_bytes), csv.form)


def _blocks(csv: CsvText, max_field_bytes: int) -> Iterator[PlainRows]:
    first, width = 1, len(csv.blocks.columns)
    for block in csv.blocks.blocks:
        found = read_plain(block, width=width, max_field_bytes=max_field_bytes)
        rejected = placed(found.rejected, first=first, undecoded=csv.encoding.reason)
        yield PlainRows(found.rows, found.numbers + first, rejected)
        first += found.records
