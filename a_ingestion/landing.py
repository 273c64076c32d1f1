"""Land a CSV as Parquet: messages/ holds its rows, quarantine/ what could not be read, and why.

A CSV goes in, of any size and in bounded memory; every record comes out in exactly one of the two
folders, with its number in the file as ``source_row``.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa
from pyarrow import parquet

from common.errors import DataError
from common.log import progress
from common.stage.manifest import RowCounts
from common.tables.columns.places import quoted
from common.tables.columns.roles import find_roles
from common.tables.delimited.records import Rejected
from common.tables.input import TableInput
from common.tables.table import Batch, open_table

GROUP_ROWS = 100_000
FILE_ROWS = 500_000
ROW_COLUMN = "source_row"
MESSAGES, QUARANTINE_FOLDER = "messages", "quarantine"
QUARANTINE = pa.schema([(ROW_COLUMN, pa.int64()), ("reason", pa.string()), ("record", pa.string())])


class Landed(NamedTuple):
    """Row counts, the source's columns, its (uncompressed) bytes, and how it was read."""

    rows: RowCounts
    columns: tuple[str, ...]
    csv_bytes: int
    form: str


def land_csv(
    source: TableInput,
    folder: Path,
    *,
    text_column: str,
    max_field_mb: int,
    optional: Mapping[str, str | None] = {},
) -> Landed:
    """Write ``folder``/messages and ``folder``/quarantine.

    Args:
        source: the CSV.
        folder: an existing folder.
        text_column: a column that the header must have, or several.
        max_field_mb: a record with a longer field is quarantined.
        optional: other columns that it must have where they are named, by setting.

    Raises:
        DataError: if the source cannot be read as a CSV, or has no such column.
    """
    taken, dropped = 0, Counter[str]()
    with open_table(source, max_field_mb=max_field_mb) as table:
        columns = _names(table.columns, name=str(source.path))
        find_roles(columns, name=str(source.path), text_column=text_column, optional=optional)
        with (
            _MessageWriter(folder / MESSAGES, columns) as messages,
            _QuarantineWriter(folder / QUARANTINE_FOLDER) as quarantine,
        ):
            for batch in progress(table.batches, total=table.total, what="landing", unit="block"):
                messages.write(batch)
                quarantine.write(batch.rejected)
                taken += batch.records
                dropped.update(rejected.reason for rejected in batch.rejected)
        csv_bytes = table.bytes_read()
    out = taken - dropped.total()
    counts = RowCounts(taken=taken, out=out, dropped=dict(sorted(dropped.items())))
    return Landed(counts, columns, csv_bytes, table.form.described)


def _names(header: tuple[str, ...], *, name: str) -> tuple[str, ...]:
    """The columns as Spark, which reads the result, can tell them apart."""
    names = tuple(field or f"column_{at}" for at, field in enumerate(header, start=1))
    # Spark does not tell "Text" from "text".
    folded = [column.casefold() for column in names]
    twice = sorted({n for n, f in zip(names, folded, strict=True) if folded.count(f) > 1})
    if twice:
        raise DataError(f"{name} has columns of the same name: {quoted(twice)}; rename them")
    if ROW_COLUMN in folded:
        raise DataError(f"{name} has a column {ROW_COLUMN!r}, which ingestion adds; rename it")
    return names


class _MessageWriter:
    """Parquet files of at most FILE_ROWS rows or so, in row groups that Spark reads in parallel."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        folder.mkdir()
        self._folder = folder
        self._schema = pa.schema([(c, pa.string()) for c in columns] + [(ROW_COLUMN, pa.int64())])
        self._pending: list[pa.Table] = []
        self._pending_rows = self._file_rows = self._files = 0
        self._file: parquet.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._flush()
        self._close_file()

    def write(self, batch: Batch) -> None:
        columns = [*batch.rows.columns, pa.array(batch.numbers)]
        self._pending.append(pa.table(columns, schema=self._schema))
        self._pending_rows += len(batch.numbers)
        if self._pending_rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write what is pending as one row group; an empty source still gets a file."""
        if not self._pending_rows and self._files:
            return
        if self._file is None:
            path = self._folder / f"part-{self._files:05}.parquet"
            self._file = parquet.ParquetWriter(
                path, self._schema, compression="zstd", write_statistics=[ROW_COLUMN]
            )
            self._files, self._file_rows = self._files + 1, 0
        group = pa.concat_tables([self._schema.empty_table(), *self._pending])
        self._file.write_table(group, row_group_size=max(1, group.num_rows))
        self._file_rows += group.num_rows
        self._pending, self._pending_rows = [], 0
        if self._file_rows >= FILE_ROWS:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _QuarantineWriter:
    """One Parquet file of rejected records; it exists even if there are none."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = parquet.ParquetWriter(
            folder / "part-00000.parquet", QUARANTINE, compression="zstd"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, rejected: list[Rejected]) -> None:
        if not rejected:
            return
        columns = zip(*rejected, strict=True)
        self._file.write_table(pa.table([list(c) for c in columns], schema=QUARANTINE))
