"""Read some columns of a file of any format, strictly: the first record that is no row ends it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from common.tables.columns.places import column_places
from common.tables.formats.jsonl import read_jsonl
from common.tables.formats.kind import kind_of, open_source
from common.tables.formats.xlsx import read_xlsx
from common.tables.input import TableInput
from common.tables.strict import MAX_RECORD_BYTES, Record, RecordError, StrictTable, open_strict
from common.tables.upload import strict_table


class Row(NamedTuple):
    """Some columns of a record, and the line of the file (or row of the sheet) where it starts."""

    line: int
    values: tuple[str, ...]


def read_columns(source: TableInput | Path, columns: Sequence[str]) -> list[Row]:
    """Those columns of a file, one row a record, in order; what is null is an empty string.

    Raises:
        DataError: naming the file, the line and what is wrong with it.
    """
    source = TableInput(source) if isinstance(source, Path) else source
    with _open_strict(source) as table:
        places = column_places(table.columns, columns, name=str(source.path))
        return [Row(r.line, tuple(r.fields[at] for at in places)) for r in table.records]


@contextmanager
def _open_strict(source: TableInput) -> Iterator[StrictTable]:
    kind, name = kind_of(source), str(source.path)
    if kind == "parquet":
        yield _read_parquet(source)
    elif kind == "csv":
        with open_strict(
            source.open_stream, name=name, encoding=source.encoding, delimiter=source.delimiter
        ) as table:
            yield table
    else:
        with open_source(source) as stream:
            entries = (
                read_xlsx(stream, name=name, sheet=source.sheet, max_field_bytes=MAX_RECORD_BYTES)
                if kind == "xlsx"
                else read_jsonl(
                    stream, name=name, encoding=source.encoding, max_field_bytes=MAX_RECORD_BYTES
                )
            )
            yield strict_table(entries, name=name)


def _read_parquet(source: TableInput) -> StrictTable:
    from common.tables.formats.parquet import column_names, open_parquet, read_parquet

    file, name = open_parquet(source.path), str(source.path)
    columns = column_names(file)

    def records() -> Iterator[Record]:
        before = 0
        for block in read_parquet(file, source.path, max_field_bytes=MAX_RECORD_BYTES):
            if block.rejected:
                number = before + block.rejected[0].number + 1
                at = Record(number, number, [])
                raise RecordError(name, at, block.rejected[0].reason, width=len(columns))
            values = zip(*(column.to_pylist() for column in block.table.columns), strict=True)
            for number, fields in enumerate(values, start=before + 1):
                yield Record(number, number, [field or "" for field in fields])
            before += block.records

    return StrictTable(columns, records())
