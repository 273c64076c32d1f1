"""Turn a block of CSV into rows as lists of strings; no Arrow is needed, and the rows are the same.

A block with a known structure (layout) goes in; out come what `rows` gives in bulk. What both
share is here too: how records are found that a quote without its pair has swallowed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.tables.delimited.blocks import strict_reader
from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG, Broken, Layout, find_layout
from common.tables.delimited.records import WRONG_WIDTH, Numbers, Records, Rejected

Fields = Sequence[str | None]


class PlainRows(NamedTuple):
    """Rows and rejected records, by their numbers (of a block from 0, of a table from 1).

    rows: R rows; None for what is null or missing, which no CSV has. numbers: (R,) ascending.
    """

    rows: Sequence[Fields]
    numbers: Numbers
    rejected: list[Rejected]

    @property
    def records(self) -> int:
        """How many records the block held."""
        return len(self.numbers) + len(self.rejected)


def read_plain(block: Layout, *, width: int, max_field_bytes: int) -> PlainRows:
    """Parse a block; every record becomes a row or is rejected.

    Args:
        block: whole records.
        width: how many columns there are.
        max_field_bytes: a record with a longer field (in UTF-8) is rejected.
    """
    rows, records = _read(block, width, max_field_bytes)
    opened = reopened(block, records, rows.rejected, width=width, max_field_bytes=max_field_bytes)
    return rows if opened is None else _read(opened, width, max_field_bytes)[0]


def reopened(
    block: Layout,
    records: Records,
    rejected: Sequence[Rejected],
    *,
    width: int,
    max_field_bytes: int,
) -> Layout | None:
    """The block with those records taken apart that swallowed others; None if there are none.

    A quote without its pair may meet the quotes of a later record in a way that is correct by
    the letter. The record then is too wide or too long, and every whole line inside it has the
    right width, which a text with line breaks would hardly have.
    """
    if width == 1:
        return None
    quotes, broken, found = block.quotes, list(block.broken), False
    suspects = [r.number for r in rejected if r.reason in (WRONG_WIDTH, TOO_LONG)]
    for number in suspects:
        start, stop = int(records.starts[number]), int(records.stops[number])
        lines = records.bytes_of(number).splitlines(keepends=True)
        if len(lines) < 3:
            continue
        inside = _whole(b"\n" + b"".join(lines[1:-1]), block.delimiter)
        swallowed = _read(inside, width, max_field_bytes)[0]
        if swallowed.rejected or not swallowed.rows:
            continue
        found, second = True, start + len(lines[0])
        inner, shift = _whole(b"\n" + block.data[second:stop], block.delimiter), second - 1
        before, behind = quotes[quotes < start], quotes[quotes >= stop]
        quotes = np.concatenate((before, inner.quotes + shift, behind))
        broken = [b for b in broken if b.start != start]
        broken.append(Broken(start, second, BROKEN_QUOTE))
        broken.extend(Broken(b.start + shift, b.stop + shift, b.reason) for b in inner.broken)
    return block._replace(quotes=quotes, broken=tuple(sorted(broken))) if found else None


def _read(block: Layout, width: int, max_field_bytes: int) -> tuple[PlainRows, Records]:
    records = Records(block)
    records.reject_unreadable()
    parsed = records.good()
    text = records.good_bytes().decode()
    # A loop of Python's own lets other threads run, such as a server's; list() would not.
    fields = [row for row in strict_reader(text, block.delimiter)]  # noqa: C416
    if len(parsed) != len(fields):
        raise AssertionError(f"{len(parsed)} records, {len(fields)} rows")
    wrong = np.array([len(row) != width for row in fields], bool)
    records.reject(parsed[wrong], WRONG_WIDTH)
    sizes = (records.stops - records.starts)[parsed]
    for at in np.flatnonzero(sizes > max_field_bytes):
        if any(len(field.encode()) > max_field_bytes for field in fields[at]):
            records.reject(parsed[at : at + 1], TOO_LONG)
    good = records.good()
    kept = fields if len(good) == len(fields) else [
        fields[at] for at in np.searchsorted(parsed, good)
    ]  # fmt: skip
    return PlainRows(kept, good, records.rejected()), records


def _whole(lines: bytes, delimiter: str) -> Layout:
    return find_layout(lines, final=True, max_open=len(lines), delimiter=delimiter)
