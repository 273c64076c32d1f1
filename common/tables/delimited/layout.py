"""Where the records of a CSV block lie, and which lines are broken; nothing is converted here.

A block of bytes goes in; out come the quotes that have a meaning, the broken lines, and the end
of the last whole record. Rules: RFC 4180 with one delimiter and '"'; any of LF, CR LF, CR ends a
record; a quote inside an unquoted field is plain text. A closing quote that is followed by anything
but a delimiter, a line end or another quote means that a quote is missing somewhere before: read
on, and the field would swallow row after row. So only the record's first line is given up as
broken, and reading starts afresh on the next line. The same holds where a quoted field never ends.
(If the record did have line breaks, what is left of it mostly has the wrong number of columns.)

All work on single characters is vectorised; Python runs only over the faults.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BROKEN_QUOTE = "broken quote"
TOO_LONG = "field too long"

_NEAR_FIELDS = 64  # how many fields are looked at one by one for the start of a record
_QUOTE = ord('"')
_LINE_END = re.compile(rb"\r\n?|\n")

Positions = NDArray[np.int64]


class Broken(NamedTuple):
    """Bytes ``start`` to ``stop`` (line end included) are one record that cannot be read."""

    start: int
    stop: int
    reason: str


class Layout(NamedTuple):
    """The structure of ``data[:end]``, which starts with a line end and ends with one.

    ``quotes`` holds the positions of the quotes that open, close or are doubled: a byte is inside
    a quoted field where an odd number of them lies before it. Broken records hold none of them.
    ``delimiter``: one ASCII character. ``is_utf8``: it is known to be valid UTF-8.
    """

    data: bytes
    end: int
    quotes: Positions
    broken: tuple[Broken, ...]
    delimiter: str = ","
    is_utf8: bool = False

    def until(self, end: int) -> "Layout":
        """The structure up to the start of a record, or to the end."""
        broken = tuple(b for b in self.broken if b.start < end)
        return self._replace(end=end, quotes=self.quotes[self.quotes < end], broken=broken)


def find_layout(data: bytes, *, final: bool, max_open: int, delimiter: str = ",") -> Layout:
    """Find the structure of a block.

    Args:
        data: bytes that start with a line end and go on with the start of a record; the last
            block ends with a line end.
        final: whether the file ends here.
        max_open: give up a record that is still open after so many bytes.
        delimiter: one ASCII character.

    Returns:
        The layout up to the last whole record. A line that is longer than ``max_open`` is broken
        up to the end of the data, without a line end; the caller has to skip the rest of it.
    """
    return _Finder(data, final=final, max_open=max_open, delimiter=delimiter).run()


class _Finder:
    """The state of one pass: what is settled so far, and the next quote to judge."""

    def __init__(self, data: bytes, *, final: bool, max_open: int, delimiter: str) -> None:
        self.data, self.final, self.max_open = data, final, max_open
        self.delimiter = delimiter
        self.field_end = re.compile(rb"[\r\n" + re.escape(delimiter.encode()) + rb"]")
        edge = np.zeros(256, dtype=bool)
        edge[[ord(delimiter), ord("\n"), ord("\r")]] = True
        self.chars = np.frombuffer(data, dtype=np.uint8)
        self.quotes = np.flatnonzero(self.chars == _QUOTE)
        # A quote may open a field after an edge, close one before an edge, and do either next
        # to another quote, as half of a doubled one. Whether the quote with index i opens or
        # closes depends only on the parity of i, so there are two lists of faults.
        last = len(data) - 1
        doubled = np.diff(self.quotes) == 1
        self.may_start = edge[self.chars[self.quotes - 1]]
        may_open = self.may_start.copy()
        may_open[1:] |= doubled
        may_close = edge[self.chars[np.minimum(self.quotes + 1, last)]]
        may_close |= self.quotes == last
        may_close[:-1] |= doubled
        even = np.arange(len(self.quotes)) % 2 == 0
        self.faults = (
            np.flatnonzero(np.where(even, ~may_open, ~may_close)),
            np.flatnonzero(np.where(even, ~may_close, ~may_open)),
        )
        self.next = 0
        self.region_start = 1
        self.region: list[Positions] = []
        self.settled: list[Positions] = []
        self.broken: list[Broken] = []

    def run(self) -> Layout:
        while (end := self._step()) is None:
            pass
        self.settled.extend(self.region)
        quotes = np.concatenate(self.settled) if self.settled else self.quotes[:0]
        return Layout(self.data, end, quotes[quotes < end], tuple(self.broken), self.delimiter)

    def _step(self) -> int | None:
        """Settle everything up to the next fault, and the fault; the end if there is none."""
        fault = self._next_fault()
        if fault is not None:
            if (fault - self.next) % 2 == 0:
                self._settle(fault)
                self._pass_plain_field(fault)
                return None
            self._settle(fault + 1)
            return self._give_up_line(self._record_start(inside=True))
        self._settle(len(self.quotes))
        is_open = sum(map(len, self.region)) % 2 == 1
        start = self._record_start(inside=is_open)
        if (is_open and self.final) or len(self.data) - start > self.max_open:
            return self._give_up_line(start)
        return start

    def _next_fault(self) -> int | None:
        if self.next < len(self.quotes) and not self.may_start[self.next]:
            return self.next
        faults = self.faults[self.next % 2]
        at = np.searchsorted(faults, self.next)
        return int(faults[at]) if at < len(faults) else None

    def _settle(self, until: int) -> None:
        self.region.append(self.quotes[self.next : until])
        self.next = until

    def _pass_plain_field(self, index: int) -> None:
        """A quote amid an unquoted field is text, and so are the others in that field."""
        end = self.field_end.search(self.data, int(self.quotes[index]))
        stop = end.start() if end else len(self.data)
        self.next = int(np.searchsorted(self.quotes, stop))

    def _give_up_line(self, start: int) -> int | None:
        """Break the line at ``start``, go on after it; the end of the block if it has no end."""
        stop = self._line_stop(start)
        if stop is None:
            too_long = len(self.data) - start > self.max_open
            return self._give_up_rest(start) if too_long else start
        self._break(start, stop, BROKEN_QUOTE)
        return None

    def _give_up_rest(self, start: int) -> int:
        self._break(start, len(self.data), TOO_LONG)
        return len(self.data)

    def _break(self, start: int, stop: int, reason: str) -> None:
        self.broken.append(Broken(start, stop, reason))
        quotes = np.concatenate(self.region)
        self.settled.append(quotes[quotes < start])
        self.region, self.region_start = [], stop
        self.next = int(np.searchsorted(self.quotes, stop))

    def _line_stop(self, start: int) -> int | None:
        """Just behind the first line end at or after ``start``."""
        end = _LINE_END.search(self.data, start)
        return end.end() if end else None

    def _record_start(self, *, inside: bool) -> int:
        """Behind the last line end outside quotes, of those settled in this region.

        Args:
            inside: the last quoted field has no right end, so look before it.
        """
        quotes = np.concatenate(self.region)
        fields = (len(quotes) - 1) // 2 if inside else len(quotes) // 2
        stop = int(quotes[2 * fields]) if inside else len(self.data)
        for field in range(fields, max(fields - _NEAR_FIELDS, -1), -1):
            begin = int(quotes[2 * field - 1]) + 1 if field else self.region_start
            end = max(self.data.rfind(b"\n", begin, stop), self.data.rfind(b"\r", begin, stop))
            if end >= 0:
                return end + 1
            stop = int(quotes[2 * field - 2]) if field else begin
        # A record of very many fields: all line ends before them at once.
        part = self.chars[self.region_start : stop]
        ends = np.flatnonzero((part == ord("\n")) | (part == ord("\r"))) + self.region_start
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        return int(ends[-1]) + 1 if len(ends) else self.region_start
