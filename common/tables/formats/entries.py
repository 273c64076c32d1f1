"""The records of a format that is read one by one, without Arrow: what its reader gives.

`table` puts them together in bulk; `strict` stops at the first that is rejected.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LONE_SURROGATE = "lone surrogate"
NOT_JSON = "not JSON"
NO_OBJECT = "no JSON object"
REPEATED_KEY = "repeated key"
KEPT_BYTES = 1 << 16


class Entry(NamedTuple):
    """A record: its number from 1, the line or sheet row where it starts, its fields.

    fields: None for what is null or missing; where the record is rejected, as far as known.
    reason: why it is rejected, "" if it is not; record: then its text, of at most 64 KiB.
    """

    number: int
    line: int
    fields: list[str | None]
    reason: str = ""
    record: str = ""


@dataclass(frozen=True)
class Entries:
    """Columns as the source names them, and all records, to be read once."""

    columns: tuple[str, ...]
    records: Iterator[Entry]


def shown(fields: Sequence[str | None]) -> str:
    """A rejected record as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["" if f is None else f for f in fields])
    return line.getvalue().encode(errors="backslashreplace")[:KEPT_BYTES].decode(errors="ignore")
