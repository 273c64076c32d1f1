"""CSV in and out of bulk scoring: any dialect of quotes and newlines in, nothing executable out."""

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from common.errors import DataError

MAX_FIELD_CHARS = 16_000_000
# What spreadsheets take for the start of a formula, or strip to get at one.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class Record(NamedTuple):
    """One data record: its 1-based number and its fields."""

    number: int
    fields: list[str]


@contextmanager
def open_csv(path: Path) -> Iterator[tuple[list[str], Iterator[Record]]]:
    """Give the header and a stream of records of a CSV or CSV.gz file in UTF-8.

    Bytes that are no UTF-8 become U+FFFD. Blank lines are no records.

    Raises:
        DataError: if the file is missing, empty or not a CSV.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    if not path.is_file():
        raise DataError(f"{path} does not exist; name a CSV file")
    with _open_text(path) as file:
        reader = csv.reader(file)
        records = _records(reader, path)
        header = next(records, None)
        if header is None:
            raise DataError(f"{path} is empty; it needs a header line and rows")
        yield (
            header.fields,
            (Record(record.number - 1, record.fields) for record in records),
        )


def column_index(header: Sequence[str], column: str, *, path: Path) -> int:
    """Where a column stands.

    Raises:
        DataError: if it is missing, naming what there is, or if a name stands twice.
    """
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path} has two columns named {twice[0]!r}; rename one")
    if column not in header:
        raise DataError(
            f"{path} has no column {column!r}; it has {', '.join(map(repr, header))}; "
            "name the one that holds the text: TEXT_COLUMN=name"
        )
    return list(header).index(column)


def write_csv(file: IO[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows so that no spreadsheet runs one: such a value gets a leading apostrophe.

    The line end is CR LF, so that fields with either of the two are quoted.
    """
    csv.writer(file).writerows([harmless(value) for value in row] for row in rows)


def harmless(value: str) -> str:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _open_text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _records(reader: Iterator[list[str]], path: Path) -> Iterator[Record]:
    number = 0
    try:
        for fields in reader:
            if fields:
                number += 1
                yield Record(number, fields)
    except (csv.Error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{path} cannot be read after record {max(number - 1, 0)} ({error}); "
            "is a quote left open there?"
        ) from None
