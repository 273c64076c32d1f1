"""Tables out: the formats by a file's ending, and CSV for people who open it in a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from common.errors import SettingsError
from common.tables.writing.formulas import harmless

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".xlsx", ".parquet", ".jsonl", ".jsonl.gz")


def ending_of(out: Path) -> str:
    """Which of `ENDINGS` a file's name asks for.

    Raises:
        SettingsError: if it ends in none of them.
    """
    for ending in ENDINGS:
        if out.name.lower().endswith(ending):
            return ending
    *others, last = ENDINGS
    raise SettingsError(f"{out} must end in {', '.join(others)} or {last}; that decides the format")


def write_csv(
    file: IO[str], rows: Iterable[Sequence[str]], *, delimiter: str = ",", guard: bool = True
) -> None:
    """Write rows; where ``guard``, so that no spreadsheet runs a cell (formulas).

    The line end is CR LF, so that fields with either of the two are quoted.
    """
    if guard:  # most cells start with a letter or a digit, and no formula does
        rows = ([v if v[:1].isalnum() else harmless(v) for v in row] for row in rows)
    csv.writer(file, delimiter=delimiter).writerows(rows)
