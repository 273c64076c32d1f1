"""CSV out, for people who open it in a spreadsheet program."""

import csv
from collections.abc import Iterable, Sequence
from typing import IO

from common.tables.formulas import harmless


def write_csv(
    file: IO[str], rows: Iterable[Sequence[str]], *, delimiter: str = ",", guard: bool = True
) -> None:
    """Write rows; where ``guard``, so that no spreadsheet runs a cell (formulas).

    The line end is CR LF, so that fields with either of the two are quoted.
    """
    if guard:
        rows = ([harmless(value) for value in row] for row in rows)
    csv.writer(file, delimiter=delimiter).writerows(rows)
