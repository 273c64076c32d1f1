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
    if guard:  # most cells start with a letter or a digit, and no formula does
        rows = ([v if v[:1].isalnum() else harmless(v) for v in row] for row in rows)
    csv.writer(file, delimiter=delimiter).writerows(rows)
