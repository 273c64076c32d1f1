"""The records of a CSV block one by one: where each lies, and for which reason it is rejected.

In bulk only a block with trouble in it is looked at this closely (rows).
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG, Layout
from common.tables.encodings.encoding import is_utf8

WRONG_WIDTH = "wrong number of columns"
NOT_UTF8 = "not UTF-8"
NUL = "NUL byte"

_REASONS = ("", BROKEN_QUOTE, TOO_LONG, NUL, NOT_UTF8, WRONG_WIDTH)
_KEPT_BYTES = 1 << 16
_CHECKED_TOGETHER = 256

Numbers = NDArray[np.int64]


class Rejected(NamedTuple):
    """A record that is no row: its number (of a block from 0, of a table from 1), why, 64 KiB."""

    number: int
    reason: str
    record: str


def placed(rejected: Iterable[Rejected], *, first: int, undecoded: str) -> list[Rejected]:
    """A block's rejected records with their numbers in the table.

    Args:
        rejected: numbered from 0.
        first: number of the block's first record.
        undecoded: the reason in place of NOT_UTF8, where the file is in another encoding.
    """
    return [
        r._replace(number=r.number + first, reason=undecoded if r.reason == NOT_UTF8 else r.reason)
        for r in rejected
    ]


def first_undecoded(block: Layout) -> int:
    """Where the first record of a block starts that is not UTF-8; the block's end without one."""
    records = Records(block)
    wrong = records.undecoded()
    return int(records.starts[wrong[0]]) if len(wrong) else block.end


class Records:
    """Start, stop (line end included) and reason ('' if none) of each record of a block."""

    def __init__(self, block: Layout) -> None:
        self._data = block.data
        self._chars = np.frombuffer(block.data, dtype=np.uint8, count=block.end)
        is_end = self._chars == ord("\n")
        if b"\r" in block.data:
            is_end |= self._chars == ord("\r")
        ends = np.flatnonzero(is_end)
        ends = ends[np.searchsorted(block.quotes, ends) % 2 == 0]
        # What a broken record holds says nothing about structure; only its end does.
        for broken in block.broken:
            first, last = np.searchsorted(ends, (broken.start, broken.stop))
            ends = np.concatenate((ends[:first], [broken.stop - 1], ends[last:]))
        starts, stops = ends[:-1] + 1, ends[1:] + 1
        filled = stops - starts > 1
        for broken in block.broken:
            filled |= starts == broken.start
        self.starts, self.stops = starts[filled], stops[filled]
        self._codes = np.zeros(len(self.starts), dtype=np.int8)
        for broken in block.broken:
            self.reject(self._at(np.array([broken.start])), broken.reason)

    def reject(self, numbers: Numbers, reason: str) -> None:
        """Mark records; the first reason that is found for a record stays."""
        fresh = numbers[self._codes[numbers] == 0]
        self._codes[fresh] = _REASONS.index(reason)

    def reject_unreadable(self) -> None:
        """Mark the records that hold a NUL byte or are not UTF-8."""
        if b"\0" in self._data:
            self.reject(self._at(np.flatnonzero(self._chars == 0)), NUL)
        self.reject(self.undecoded(), NOT_UTF8)

    def undecoded(self) -> Numbers:
        """Numbers of the records that are not UTF-8."""
        view = memoryview(self._data)
        wrong: list[int] = []
        for first in range(0, len(self.starts), _CHECKED_TOGETHER):
            last = min(first + _CHECKED_TOGETHER, len(self.starts))
            if not is_utf8(view[self.starts[first] : self.stops[last - 1]]):
                wrong.extend(n for n in range(first, last) if not is_utf8(self.bytes_of(n)))
        return np.array(wrong, dtype=np.int64)

    def good(self) -> Numbers:
        """Numbers of the records that are not marked."""
        return np.flatnonzero(self._codes == 0)

    def good_bytes(self) -> bytes:
        """The records that are not marked, behind a line end."""
        parts, start = [b"\n"], 1
        for number in np.flatnonzero(self._codes):
            parts.append(self._data[start : self.starts[number]])
            start = self.stops[number]
        parts.append(self._data[start : len(self._chars)])
        return b"".join(parts)

    def bytes_of(self, number: int | np.integer) -> bytes:
        """One record with its line end."""
        return self._data[self.starts[number] : self.stops[number]]

    def rejected(self) -> list[Rejected]:
        """The marked records in order."""
        return [
            Rejected(int(n), _REASONS[self._codes[n]], _shown(self.bytes_of(n)))
            for n in np.flatnonzero(self._codes)
        ]

    def _at(self, positions: Numbers) -> Numbers:
        return np.unique(np.searchsorted(self.starts, positions, side="right") - 1)


def _shown(record: bytes) -> str:
    return record[:_KEPT_BYTES].rstrip(b"\r\n").decode(errors="backslashreplace")
