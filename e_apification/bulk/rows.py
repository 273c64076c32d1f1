"""The two ends of bulk scoring: rows of a CSV landed as Parquet, and rows with labels written."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DataError, TriageError
from common.log import progress
from common.tables.columns import TEXT_REMEDY, column_places, quoted
from common.tables.input import TableInput
from common.tables.output import write_csv
from common.tables.table import open_table

REJECTS = ("source_row", "reason", "record")
ADDED = ("label", "confidence", "abstained", "model_id")
_BATCH_ROWS = 10_000
_UNSEEN = -2


class Landed(NamedTuple):
    """A CSV whose readable rows lie in a Parquet file as row (0-based), text, c0, c1, …

    rejected: how many records could not be read, by reason.
    """

    header: list[str]
    columns: list[str]
    rows: int
    rejected: Counter[str]


class Results(NamedTuple):
    """One entry a row, in row order. labels: (N,) int16, -1 = abstained; confidence: (N,)."""

    labels: NDArray[np.int16]
    confidence: NDArray[np.float32]
    distinct: int


def land_csv(
    source: Path, target: Path, *, rejects: Path, text_column: str, max_field_mb: int
) -> Landed:
    """Stream a CSV into one Parquet file, as ingestion reads it, and what it rejects into a CSV.

    Args:
        source: the CSV.
        target: the Parquet file.
        rejects: a CSV with the columns of ingestion's quarantine: source_row, reason, record.
        text_column: a column that the header must have.
        max_field_mb: a record with a longer field is rejected.

    Raises:
        DataError: if the CSV cannot be read, lacks the text column, or names a column twice.
    """
    rows, rejected = 0, Counter[str]()
    with open_table(TableInput(source), max_field_mb=max_field_mb) as table:
        header = list(table.columns)
        text = _text_place(header, text_column, source=source)
        columns = ["text" if i == text else f"c{i}" for i in range(len(header))]
        schema = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in columns)])
        with (
            pq.ParquetWriter(target, schema) as writer,
            rejects.open("w", encoding="utf-8", newline="") as listed,
        ):
            write_csv(listed, [REJECTS])
            for batch in progress(table.batches, total=table.total, what="reading", unit="block"):
                numbers = pa.array(range(rows, rows + batch.rows.num_rows), pa.int64())
                writer.write_table(pa.table([numbers, *batch.rows.columns], schema=schema))
                rows += batch.rows.num_rows
                write_csv(listed, ([str(r.number), r.reason, r.record] for r in batch.rejected))
                rejected.update(r.reason for r in batch.rejected)
    return Landed(header, columns, rows, rejected)


def read_results(scored: Path, *, rows: int) -> Results:
    """Spread the results of distinct texts over the rows that have them.

    Raises:
        TriageError: if a row got no result, or two.
    """
    labels = np.full(rows, _UNSEEN, np.int16)
    confidence = np.zeros(rows, np.float32)
    distinct = spread = 0
    for part in sorted(scored.glob("*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches(_BATCH_ROWS):
            lists = batch.column("rows")
            index = lists.flatten().to_numpy()  # (R,) rows of all texts of the batch
            times = lists.value_lengths().to_numpy()
            labels[index] = np.repeat(batch.column("label").to_numpy(), times)
            confidence[index] = np.repeat(batch.column("confidence").to_numpy(), times)
            distinct += batch.num_rows
            spread += len(index)
    missing = int((labels == _UNSEEN).sum())
    if spread != rows or missing:
        raise TriageError(
            f"{rows} rows were scored {spread} times and {missing} not at all; nothing is "
            "written; run again, and report it if it stays"
        )
    return Results(labels, confidence, distinct)


def write_results(
    target: Path,
    rows: Path,
    landed: Landed,
    results: Results,
    *,
    label_names: Sequence[str],
    model_id: str,
) -> None:
    """Write the landed rows with their results, as CSV or Parquet by the target's ending."""
    header = landed.header + added_names(landed.header)
    batches = _labeled_batches(rows, landed, results, names=header, labels=label_names, v=model_id)
    if target.suffix == ".csv":
        with target.open("w", encoding="utf-8", newline="") as file:
            write_csv(file, chain([header], _csv_rows(batches)))
            file.flush()
            os.fsync(file.fileno())
        return
    with pq.ParquetWriter(target, _schema(header)) as writer:
        for batch in batches:
            writer.write_batch(batch)


def added_names(header: Sequence[str]) -> list[str]:
    """Names of the added columns, with a prefix where the file has a column of that name.

    Raises:
        DataError: if the prefixed name is taken as well.
    """
    taken = {name.lower() for name in header}
    names = [f"predicted_{name}" if name in taken else name for name in ADDED]
    clash = taken.intersection(names)
    if clash:
        raise DataError(f"the file has a column {min(clash)!r} already; rename it")
    return names


def _text_place(header: list[str], text_column: str, *, source: Path) -> int:
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if twice:
        raise DataError(f"{source} has columns of the same name: {quoted(twice)}; rename them")
    (place,) = column_places(header, [text_column], name=str(source), remedy=TEXT_REMEDY)
    return place


def _labeled_batches(
    rows: Path,
    landed: Landed,
    results: Results,
    *,
    names: Sequence[str],
    labels: Sequence[str],
    v: str,
) -> Iterator[pa.RecordBatch]:
    label_of = np.array([*labels, None], dtype=object)  # index -1: abstained
    schema = _schema(names)
    start = 0
    for batch in pq.ParquetFile(rows).iter_batches(_BATCH_ROWS, columns=["row", *landed.columns]):
        part = slice(start, start + batch.num_rows)
        chosen = results.labels[part]
        columns = [batch.column(name) for name in landed.columns]
        columns += [
            pa.array(label_of[chosen], pa.string()),
            pa.array(results.confidence[part]),
            pa.array(chosen < 0),
            pa.array([v] * batch.num_rows, pa.string()),
        ]
        yield pa.record_batch(columns, schema)
        start = part.stop


def _schema(names: Sequence[str]) -> pa.Schema:
    added = [pa.string(), pa.float32(), pa.bool_(), pa.string()]
    types = [pa.string()] * (len(names) - len(added)) + added
    return pa.schema(list(zip(names, types, strict=True)))


def _csv_rows(batches: Iterable[pa.RecordBatch]) -> Iterator[list[str]]:
    """Rows of strings: nothing for null, four decimals, true and false in lower case."""
    for batch in batches:
        *given, label, confidence, abstained, model_id = (c.to_pylist() for c in batch.columns)
        columns = (
            *given,
            ["" if name is None else name for name in label],
            [f"{value:.4f}" for value in confidence],
            [str(value).lower() for value in abstained],
            model_id,
        )
        yield from (list(row) for row in zip(*columns, strict=True))
