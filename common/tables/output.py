"""CSV out, for people who open it in a spreadsheet program: nothing in it is run there."""

import csv
from collections.abc import Iterable, Sequence
from typing import IO

# What spreadsheets take for the start of a formula, or strip to get at one.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(file: IO[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows so that no spreadsheet runs one: such a value gets a leading apostrophe.

    The line end is CR LF, so that fields with either of the two are quoted.
    """
    csv.writer(file).writerows([harmless(value) for value in row] for row in rows)


def harmless(value: str) -> str:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
