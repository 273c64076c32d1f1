"""Values of a column as people write them: trimmed, and null where they stand for nothing."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

# How pandas, spreadsheets and databases write that there is no value.
_NOTHING = r"^(?i:|-|nan|nat|null|none|n/?a|#n/a|<na>|\\n)$"
_SHOWN_CHARS = 40


class Unread(NamedTuple):
    """Rows of a column without a value, rows with one that can't be read, and the first of these.

    what: what the values should be; found: how those that were read are written.
    """

    column: str
    what: str
    empty: int
    unreadable: int
    example: str | None = None
    found: tuple[str, ...] = ()


class Example(NamedTuple):
    """A value, and the row that has it."""

    row: int
    text: str


def given_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values without the blanks around them; null where there is none."""
    texts = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.match_substring_regex(texts, _NOTHING), None, texts)


def first_of(values: pa.ChunkedArray, where: pa.Array) -> str | None:
    """The first value there, as an error message shows it; None if there is none."""
    place = pc.index(where, pa.scalar(True)).as_py()
    if place < 0:
        return None
    return shortened(str(values[place].as_py()))


def shortened(value: str) -> str:
    """A value as an error message shows it."""
    return value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}…"
