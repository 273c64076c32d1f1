"""Read a table in bulk: batches of rows as Arrow strings, and every rejected record beside them.

A file of any size is read in bounded memory. Each of its records is in exactly one batch, as a
row or as rejected, so the records of all batches are the records of the file. Blocks are cut in
one thread and parsed in others, while the caller works on what is done.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import pyarrow as pa

from common.tables.delimited.blocks import BLOCK_BYTES
from common.tables.delimited.csv_text import open_csv
from common.tables.delimited.records import Numbers, Rejected, placed
from common.tables.delimited.rows import BlockRows, is_utf8, read_rows
from common.tables.encodings.encoding import UTF8, Encoding
from common.tables.form import Form
from common.tables.formats.bulk import in_blocks
from common.tables.formats.jsonl import read_jsonl
from common.tables.formats.kind import kind_of, open_source
from common.tables.formats.parquet import column_names, open_parquet, read_parquet
from common.tables.formats.xlsx import read_xlsx
from common.tables.input import TableInput

PARSERS = 2
T = TypeVar("T")


class Batch(NamedTuple):
    """Rows and rejected records, both by their number in the file, from 1, the header not counted.

    rows: R rows, a string column for each of the table's, in order, under any name.
    numbers: (R,) ascending.
    """

    rows: pa.Table
    numbers: Numbers
    rejected: list[Rejected]

    @property
    def records(self) -> int:
        """How many records of the file these are."""
        return len(self.numbers) + len(self.rejected)


@dataclass(frozen=True)
class Table:
    """What a reader of any format gives.

    columns: names as the header writes them: some may be empty, or stand twice.
    batches: to be read once, while the table is open.
    total: how many batches there will be, None if unknown.
    bytes_read: of the uncompressed file, so far.
    """

    columns: tuple[str, ...]
    batches: Iterator[Batch]
    total: int | None
    bytes_read: Callable[[], int]
    find_form: Callable[[], Form]

    @property
    def form(self) -> Form:
        """What was found to read the file by, as far as the batches were read."""
        return self.find_form()


@contextmanager
def open_table(source: TableInput, *, max_field_mb: int) -> Iterator[Table]:
    """Open a file; a record with a longer field than ``max_field_mb`` is rejected.

    Raises:
        DataError: if the file is missing, damaged or empty, or has no readable header; what
            is damaged further on is found while the batches are read.
    """
    open_kind = {"parquet": _open_parquet, "csv": _open_csv}.get(kind_of(source), _open_records)
    with open_kind(source, max_field_bytes=max_field_mb * 1_000_000) as table:
        yield table


@contextmanager
def _open_parquet(source: TableInput, *, max_field_bytes: int) -> Iterator[Table]:
    with open_parquet(source.path) as file:
        blocks = read_parquet(file, source.path, max_field_bytes=max_field_bytes)
        size = source.path.stat().st_size
        yield Table(
            column_names(file), _numbered(blocks), None, lambda: size, lambda: Form("parquet")
        )


@contextmanager
def _open_records(source: TableInput, *, max_field_bytes: int) -> Iterator[Table]:
    """JSONL and xlsx."""
    kind, name = kind_of(source), str(source.path)
    with open_source(source) as stream:
        if kind == "xlsx":
            entries = read_xlsx(
                stream, name=name, sheet=source.sheet, max_field_bytes=max_field_bytes
            )
        else:
            entries = read_jsonl(
                stream, name=name, encoding=source.encoding, max_field_bytes=max_field_bytes
            )
        yield Table(
            entries.columns, _numbered(in_blocks(entries)), None, stream.tell, lambda: Form(kind)
        )


@contextmanager
def _open_csv(source: TableInput, *, max_field_bytes: int) -> Iterator[Table]:
    block_bytes = max(BLOCK_BYTES, 2 * max_field_bytes)
    opened = open_csv(
        source.open_stream,
        name=str(source.path),
        encoding=source.encoding,
        delimiter=source.delimiter,
        block_bytes=block_bytes,
        valid=is_utf8,
    )
    with opened as csv, ThreadPoolExecutor(PARSERS) as pool:
        size = source.plain_bytes if csv.encoding.name == UTF8 else None
        columns, blocks = csv.blocks.columns, csv.blocks.blocks
        parse = partial(
            read_rows,
            width=len(columns),
            max_field_bytes=max_field_bytes,
        )
        tasks = (pool.submit(parse, block) for block in blocks)
        with closing(_ahead(tasks, PARSERS + 1)) as parsed:
            yield Table(
                columns,
                _numbered(parsed, lambda: csv.encoding),
                total=None if size is None else -(-size // block_bytes),
                bytes_read=csv.source.tell,
                find_form=lambda: csv.form,
            )


def _numbered(
    parsed: Iterable[BlockRows], find_encoding: Callable[[], Encoding] = lambda: Encoding(UTF8)
) -> Iterator[Batch]:
    first = 1
    for block in parsed:
        encoding = find_encoding()
        rejected = [
            r._replace(record=encoding.shown(r.record))
            for r in placed(block.rejected, first=first, undecoded=encoding.reason)
        ]
        yield Batch(block.table, block.numbers + first, rejected)
        first += block.records


def _ahead(futures: Iterable[Future[T]], depth: int) -> Generator[T, None, None]:
    """Results in order, with ``depth`` tasks under way; the tasks are made in a thread too."""
    waiting: deque[Future[Future[T] | None]] = deque()
    iterator = iter(futures)
    with ThreadPoolExecutor(1) as maker:
        waiting.extend(maker.submit(next, iterator, None) for _ in range(depth))
        while (task := waiting.popleft().result()) is not None:
            yield task.result()
            waiting.append(maker.submit(next, iterator, None))
