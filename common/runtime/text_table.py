"""Tables for a terminal."""

from collections.abc import Sequence

_NARROWEST = 16  # first column


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns as wide as they need: the first to the left, the others to the right."""
    widths = [max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)]
    widths[0] = max(widths[0] - 2, _NARROWEST)
    lines = [
        row[0].ljust(widths[0]) + "".join(map(str.rjust, row[1:], widths[1:]))
        for row in (header, *rows)
    ]
    return [line.rstrip() for line in lines]
