"""Rows of data/raw in Spark's Python workers: each task reads a row group by itself, as Arrow.

The index is in the order of ``source_row``, so a worker finds what belongs to its rows by binary
search: no join moves a text, and no text passes through Java before it is clean.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROW = "source_row"
BUCKET, INDEX_ROWS = "bucket", 1_000_000  # an index of many rows has a folder for so many
_TASKS_A_CORE = 3  # so that no core waits long for the last task of another
_BATCH_ROWS = 10_000


class Piece(NamedTuple):
    """A part of a row group: the ``part``-th of ``parts`` like ones."""

    path: Path
    group: int
    part: int
    parts: int


def map_pieces(
    spark: "SparkSession",
    folder: Path,
    function: Callable[[Piece], Iterable[pa.RecordBatch]],
    schema: str,
) -> "DataFrame":
    """What ``function`` makes of all pieces of the Parquet files in ``folder``, as a Spark frame.

    Args:
        spark: the session.
        folder: seen by every worker.
        function: runs in the workers.
        schema: of its batches, as DDL.
    """
    pieces = cut(folder, wanted=_TASKS_A_CORE * spark.sparkContext.defaultParallelism)

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from function(pieces[place])

    return spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(run, schema)


def cut(folder: Path, *, wanted: int) -> list[Piece]:
    """All row groups in their order, each in parts where there are fewer than are wanted."""
    groups = [
        (path, group)
        for path in sorted(folder.glob("*.parquet"))
        for group in range(max(1, pq.read_metadata(path).num_row_groups))
    ]
    parts = -(-wanted // len(groups))
    return [Piece(path, group, part, parts) for path, group in groups for part in range(parts)]


def read_piece(
    piece: Piece, index: Path, *, columns: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The rows that the index has, in tables of some thousands, each with its rows of the index.

    index: a file, or a folder of ``BUCKET`` folders. columns: of the source; one that a file lacks
    is null.
    """
    raw = read_rows(piece, columns)
    rows = raw[ROW].to_numpy()
    if not len(rows):
        return
    first, last = int(rows.min()), int(rows.max())
    files = [index] if index.is_file() else _bucket_files(index, first, last)
    if not files:
        return
    own = (pc.field(ROW) >= first) & (pc.field(ROW) <= last)
    known = pq.read_table(files, filters=own, partitioning=None)
    keys = known[ROW].to_numpy()
    places = np.searchsorted(keys, rows)
    found = np.zeros(len(rows), np.bool_)
    inside = places < len(keys)
    found[inside] = keys[places[inside]] == rows[inside]
    raw, known = raw.filter(pa.array(found)), known.take(pa.array(places[found]))
    for start in range(0, len(raw), _BATCH_ROWS):
        yield (
            raw.slice(start, _BATCH_ROWS).combine_chunks(),
            known.slice(start, _BATCH_ROWS).combine_chunks(),
        )


def _bucket_files(index: Path, first: int, last: int) -> list[Path]:
    buckets = range(first // INDEX_ROWS, last // INDEX_ROWS + 1)
    return [file for n in buckets for file in sorted((index / f"{BUCKET}={n}").glob("*.parquet"))]


def read_rows(piece: Piece, columns: Sequence[str]) -> pa.Table:
    """The rows of a piece: source_row, and the columns as strings; null one that a file lacks."""
    schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in columns)])
    with pq.ParquetFile(piece.path) as file:
        if not file.num_row_groups:
            return schema.empty_table()
        present = [name for name in schema.names if name in file.schema_arrow.names]
        table = file.read_row_group(piece.group, columns=present)
    start, end = (len(table) * n // piece.parts for n in (piece.part, piece.part + 1))
    table = table.slice(start, end - start)
    for name in schema.names:
        if name not in present:
            table = table.append_column(name, pa.nulls(len(table), pa.string()))
    return table.select(schema.names).cast(schema)
