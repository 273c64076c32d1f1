"""Turn a block of CSV records into an Arrow table and a list of the records that it cannot hold.

A block (layout) goes in; out come its rows as strings, the number of each row within the
block, and the rejected records with the reason. Arrow does the parsing; a block without trouble
costs nothing more. Where there is trouble, records are told apart by their positions
(records), unreadable ones are left out before Arrow sees the rest, and every record ends up
in exactly one of the two.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from common.tables.delimited.dialect import NO_DELIMITER
from common.tables.delimited.layout import TOO_LONG, Layout
from common.tables.delimited.plain import reopened
from common.tables.delimited.records import WRONG_WIDTH, Numbers, Records, Rejected


class BlockRows(NamedTuple):
    """What became of a block's ``records``: ``numbers[i]`` is the number of row i, from 0.

    table: columns "0", "1", …, all strings.
    """

    table: pa.Table
    numbers: Numbers
    rejected: list[Rejected]

    @property
    def records(self) -> int:
        """How many records the block held."""
        return len(self.numbers) + len(self.rejected)


def read_rows(block: Layout, *, width: int, max_field_bytes: int) -> BlockRows:
    """Parse a block; every record becomes a row or is rejected.

    Args:
        block: whole records.
        width: how many columns there are.
        max_field_bytes: a record with a longer field (in UTF-8) is rejected.
    """
    rows, records = _read(block, width, max_field_bytes)
    if records is None:
        return rows
    opened = reopened(block, records, rows.rejected, width=width, max_field_bytes=max_field_bytes)
    return rows if opened is None else _read(opened, width, max_field_bytes)[0]


def _read(block: Layout, width: int, max_field_bytes: int) -> tuple[BlockRows, Records | None]:
    """The rows; and the records, if it took a closer look at them."""
    records, payload = None, memoryview(block.data)[: block.end]
    has_nul = block.data.find(b"\0", 0, block.end) >= 0
    if block.broken or has_nul or not (block.is_utf8 or is_utf8(payload)):
        records = Records(block)
        records.reject_unreadable()
        payload = memoryview(records.good_bytes())
    table, wrong = _parse(payload, width, _arrow_delimiter(block))
    long = _rows_with_long_field(table, max_field_bytes)
    if records is None and not len(wrong) and not len(long):
        return BlockRows(table, np.arange(table.num_rows), []), None

    records = records or Records(block)
    parsed = records.good()
    if len(parsed) != table.num_rows + len(wrong):
        raise AssertionError(f"{len(parsed)} records, {table.num_rows} rows, {len(wrong)} rejected")
    records.reject(parsed[wrong], WRONG_WIDTH)
    records.reject(np.delete(parsed, wrong)[long], TOO_LONG)
    if len(long):
        table = table.take(pa.array(np.delete(np.arange(table.num_rows), long)))
    return BlockRows(table, records.good(), records.rejected()), records


def _parse(payload: memoryview, width: int, delimiter: str) -> tuple[pa.Table, Numbers]:
    """The rows, and the numbers of those records whose count of fields is wrong.

    The payload starts with a line end, lest Arrow take U+FEFF in the first field for a file's mark.
    """
    columns = [str(place) for place in range(width)]
    wrong: list[int] = []

    def skip(row: csv.InvalidRow) -> str:
        wrong.append(row.number - 1)
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(pa.py_buffer(payload)),
        # One thread: only then does Arrow number the rows that it hands to ``skip``.
        read_options=csv.ReadOptions(
            use_threads=False, block_size=len(payload) + 1, column_names=columns
        ),
        parse_options=csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=csv.ConvertOptions(
            check_utf8=False, column_types=dict.fromkeys(columns, pa.string())
        ),
    )
    return table, np.array(wrong, dtype=np.int64)


def _arrow_delimiter(block: Layout) -> str:
    """The delimiter; for a file without one, a control character that the block does not hold."""
    if block.delimiter != NO_DELIMITER:
        return block.delimiter
    unused = (code for code in (*range(1, 9), *range(14, 32), 127) if code not in block.data)
    return chr(next(unused, 1))


def is_utf8(data: bytes | memoryview) -> bool:
    """Whether bytes are valid UTF-8, by Arrow's check, which is faster than decoding."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _rows_with_long_field(table: pa.Table, max_field_bytes: int) -> Numbers:
    """Numbers of the rows that have a field longer than that, ascending."""
    lengths = [pc.binary_length(column) for column in table.columns]
    long = [
        np.flatnonzero(pc.greater(length, max_field_bytes))
        for length in lengths
        if (pc.max(length).as_py() or 0) > max_field_bytes
    ]
    return np.unique(np.concatenate(long)) if long else np.arange(0)
