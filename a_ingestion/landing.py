"""Land a CSV as Parquet: messages/ holds its rows, quarantine/ what could not be read, and why.

A CSV stream goes in, of any size and in bounded memory; every record comes out in exactly one of
the two folders, with its number in the file as ``source_row``. Blocks are read and cut in one
thread and parsed in others, while this one writes.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from common.errors import DataError
from common.log import progress
from common.stage.manifest import RowCounts
from common.tables.blocks import BLOCK_BYTES, ROW_COLUMN, quoted, read_blocks
from common.tables.input import CsvInput
from common.tables.records import Rejected
from common.tables.rows import BlockRows, read_rows

PARSERS = 2
GROUP_ROWS = 100_000
FILE_ROWS = 500_000
QUARANTINE = pa.schema([(ROW_COLUMN, pa.int64()), ("reason", pa.string()), ("record", pa.string())])
T = TypeVar("T")


class Landed(NamedTuple):
    """Row counts, the source's columns, and how many (uncompressed) bytes it had."""

    rows: RowCounts
    columns: tuple[str, ...]
    csv_bytes: int


def land_csv(source: CsvInput, folder: Path, *, text_column: str, max_field_mb: int) -> Landed:
    """Write ``folder``/messages and ``folder``/quarantine.

    Args:
        source: the CSV.
        folder: an existing folder.
        text_column: a column that the header must have.
        max_field_mb: a record with a longer field is quarantined.

    Raises:
        DataError: if the source cannot be read as a CSV, or has no such column.
    """
    max_field_bytes = max_field_mb * 1_000_000
    block_bytes = max(BLOCK_BYTES, 2 * max_field_bytes)
    read, dropped = 0, Counter[str]()
    with source.open_stream() as stream:
        size = source.plain_bytes
        total = None if size is None else -(-size // block_bytes)
        csv = read_blocks(stream, name=str(source.path), block_bytes=block_bytes)
        if text_column not in csv.columns:
            raise DataError(
                f"{source.path} has no column {text_column!r}; it has {quoted(csv.columns)}. "
                "Name the one that holds the messages: TEXT_COLUMN= (ingestion.text_column)"
            )
        parse = partial(read_rows, columns=csv.columns, max_field_bytes=max_field_bytes)
        with (
            ThreadPoolExecutor(PARSERS) as pool,
            _MessageWriter(folder / "messages", csv.columns) as messages,
            _QuarantineWriter(folder / "quarantine") as quarantine,
        ):
            parsed = _ahead((pool.submit(parse, block) for block in csv.blocks), PARSERS + 1)
            for rows in progress(parsed, total=total, what="landing", unit="block"):
                messages.write(rows, first_row=read + 1)
                quarantine.write(rows.rejected, first_row=read + 1)
                read += rows.records
                dropped.update(rejected.reason for rejected in rows.rejected)
        csv_bytes = stream.tell()
    out = read - dropped.total()
    counts = RowCounts(taken=read, out=out, dropped=dict(sorted(dropped.items())))
    return Landed(counts, csv.columns, csv_bytes)


def _ahead(futures: Iterable[Future[T]], depth: int) -> Iterator[T]:
    """Results in order, with ``depth`` tasks under way; the tasks are made in a thread too."""
    waiting: deque[Future[Future[T] | None]] = deque()
    iterator = iter(futures)
    with ThreadPoolExecutor(1) as maker:
        waiting.extend(maker.submit(next, iterator, None) for _ in range(depth))
        while (task := waiting.popleft().result()) is not None:
            yield task.result()
            waiting.append(maker.submit(next, iterator, None))


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

    def write(self, rows: BlockRows, *, first_row: int) -> None:
        numbers = pa.array(rows.numbers.astype(np.int64) + first_row)
        self._pending.append(rows.table.append_column(ROW_COLUMN, numbers).cast(self._schema))
        self._pending_rows += len(rows.numbers)
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

    def write(self, rejected: list[Rejected], *, first_row: int) -> None:
        if not rejected:
            return
        columns = zip(*[(first_row + r.number, r.reason, r.record) for r in rejected], strict=True)
        self._file.write_table(pa.table([list(c) for c in columns], schema=QUARANTINE))
