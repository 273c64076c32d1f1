"""The table that goes out: one writer a format, chosen by the end of the file's name.

CSV and TSV are text, in UTF-8; a CSV keeps the delimiter and the byte order mark of a CSV that
came in. Parquet, JSONL and workbooks keep types: null, numbers, true and false.
"""

import codecs
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from common.errors import DataError
from common.tables.columns.places import quoted
from common.tables.writing.lines import csv_lines

SHEET_ROWS = 1_048_576
SHEET_COLUMNS = 16_384
CELL_CHARS = 32_767  # in UTF-16
# What XML cannot hold or would change, and what is written so already; Excel's own way.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class Dialect(NamedTuple):
    """How a CSV is written; guard: with formulas made harmless."""

    delimiter: str = ","
    bom: bool = False
    guard: bool = True


Batches = Iterator[pa.RecordBatch]
Writer = Callable[[Path, pa.Schema, Batches, Dialect], None]


def check_fits(ending: str, header: Sequence[str], rows: int) -> None:
    """Check that a format can hold the table.

    Raises:
        DataError: with the limit, and a format that has none.
    """
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if ending in (".parquet", ".jsonl", ".jsonl.gz") and twice:
        raise DataError(
            f"{ending} holds one column of a name, the input has two: {quoted(twice)}; "
            "rename one, or write .csv"
        )
    if ending == ".xlsx" and (rows >= SHEET_ROWS or len(header) > SHEET_COLUMNS):
        raise DataError(
            f"a sheet holds {SHEET_ROWS - 1:,} rows of {SHEET_COLUMNS:,} columns below its "
            f"header, not {rows:,} of {len(header):,}; write .csv or .parquet"
        )


def check_cells(names: Sequence[str], columns: Sequence[pa.Array], *, first_row: int) -> None:
    """Check that each text fits into a cell of a workbook.

    Raises:
        DataError: naming row and column of the first that does not.
    """
    for name, column in zip(names, columns, strict=True):
        if (pc.max(pc.utf8_length(column)).as_py() or 0) <= CELL_CHARS // len("_x000D_"):
            continue
        for row, text in enumerate(column.to_pylist(), first_row):
            if (chars := len(_escape(text or "").encode("utf-16-le")) // 2) > CELL_CHARS:
                raise DataError(
                    f"row {row:,}, column {name!r} has {chars:,} characters, a cell of a workbook "
                    f"holds {CELL_CHARS:,}; write .csv or .parquet"
                )


def write_table(
    target: Path, ending: str, schema: pa.Schema, batches: Batches, dialect: Dialect
) -> None:
    """Write a table in the format of an ending."""
    WRITERS[ending](target, schema, batches, dialect)


def _csv(target: Path, schema: pa.Schema, batches: Batches, dialect: Dialect) -> None:
    to_lines = partial(csv_lines, delimiter=dialect.delimiter, guard=dialect.guard)
    with _open(target) as file:
        if dialect.bom:
            file.write(codecs.BOM_UTF8)
        file.write(to_lines([pa.array([name]) for name in schema.names]))
        for batch in batches:
            file.write(to_lines([_csv_cells(column) for column in batch.columns]))


def _tsv(target: Path, schema: pa.Schema, batches: Batches, dialect: Dialect) -> None:
    _csv(target, schema, batches, dialect._replace(delimiter="\t"))


def _jsonl(target: Path, schema: pa.Schema, batches: Batches, dialect: Dialect) -> None:
    del dialect
    with _open(target) as file:
        for batch in batches:
            for row in zip(*map(_values, batch.columns), strict=True):
                record = dict(zip(schema.names, row, strict=True))
                file.write((json.dumps(record, ensure_ascii=False) + "\n").encode())


def _parquet(target: Path, schema: pa.Schema, batches: Batches, dialect: Dialect) -> None:
    del dialect
    with pq.ParquetWriter(target, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _xlsx(target: Path, schema: pa.Schema, batches: Batches, dialect: Dialect) -> None:
    """Texts are written as texts, so nothing is run there and needs no guard."""
    del dialect
    book = openpyxl.Workbook(write_only=True)
    sheet = cast(WriteOnlyWorksheet, book.create_sheet("scored"))
    sheet.append([_cell(sheet, name) for name in schema.names])
    for batch in batches:
        for row in zip(*map(_values, batch.columns), strict=True):
            sheet.append([_cell(sheet, value) for value in row])
    book.save(target)


def _cell(sheet: WriteOnlyWorksheet, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, _escape(value))
    cell.data_type = "s"  # what starts with = would be a formula, #N/A an error
    return cell


def _escape(value: str) -> str:
    return _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", value)


def _csv_cells(column: pa.Array) -> pa.Array:
    """Nothing for null, four decimals, true and false in lower case."""
    if pa.types.is_floating(column.type):
        values = column.to_pylist()
        return pa.array([None if v is None else f"{v:.4f}" for v in values], pa.string())
    return column.cast(pa.string())


def _values(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type):
        return [None if value is None else round(value, 4) for value in values]
    return values


@contextmanager
def _open(target: Path) -> Iterator[IO[bytes]]:
    with target.open("wb") as file:
        if target.name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield file


WRITERS: dict[str, Writer] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _tsv,
    ".tsv.gz": _tsv,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl,
}
