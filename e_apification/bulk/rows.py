"""The two ends of bulk scoring: rows of a CSV landed as Parquet, and rows with labels written."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DataError, TriageError
from common.tables.files import Record, column_index, open_csv, write_csv

ADDED = ("label", "confidence", "abstained", "model_id")
_BATCH_ROWS = 10_000
_UNSEEN = -2


class Landed(NamedTuple):
    """A CSV whose readable rows lie in a Parquet file as row (0-based), text, c0, c1, …

    rejected: the records with too few or too many fields.
    """

    header: list[str]
    columns: list[str]
    rows: int
    rejected: list[Record]


class Results(NamedTuple):
    """One entry a row, in row order. labels: (N,) int16, -1 = abstained; confidence: (N,)."""

    labels: NDArray[np.int16]
    confidence: NDArray[np.float32]
    distinct: int


def land_csv(source: Path, target: Path, *, text_column: str) -> Landed:
    """Stream a CSV into one Parquet file.

    Raises:
        DataError: if the CSV cannot be read or lacks the text column.
    """
    rejected: list[Record] = []
    with open_csv(source) as (header, records):
        text = column_index(header, text_column, path=source)
        columns = ["text" if i == text else f"c{i}" for i in range(len(header))]
        schema = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in columns)])
        whole = _only_whole(records, width=len(header), rejected=rejected)
        rows = 0
        with pq.ParquetWriter(target, schema) as writer:
            while fields := list(islice(whole, _BATCH_ROWS)):
                numbers = pa.array(range(rows, rows + len(fields)), pa.int64())
                values = [pa.array(column, pa.string()) for column in zip(*fields, strict=True)]
                writer.write_batch(pa.record_batch([numbers, *values], schema))
                rows += len(fields)
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


def write_rejected(target: Path, rejected: Sequence[Record], *, expected: int) -> None:
    """List the records that could not be scored, by number."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "fields", "expected_fields"])
        writer.writerows([record.number, len(record.fields), expected] for record in rejected)


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


def _only_whole(
    records: Iterable[Record], *, width: int, rejected: list[Record]
) -> Iterator[list[str]]:
    for record in records:
        if len(record.fields) == width:
            yield record.fields
        else:
            rejected.append(record)


def _labeled_batches(
    rows: Path,
    landed: Landed,
    results: Results,
    *,
    names: Sequence[str],
    labels: Sequence[str],
    v: str,
) -> Iterator[pa.RecordBatch]:
    spoken = np.array([*labels, None], dtype=object)  # index -1: abstained
    schema = _schema(names)
    start = 0
    for batch in pq.ParquetFile(rows).iter_batches(_BATCH_ROWS, columns=["row", *landed.columns]):
        part = slice(start, start + batch.num_rows)
        chosen = results.labels[part]
        columns = [batch.column(name) for name in landed.columns]
        columns += [
            pa.array(spoken[chosen], pa.string()),
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
        spoken = (
            *given,
            ["" if name is None else name for name in label],
            [f"{value:.4f}" for value in confidence],
            [str(value).lower() for value in abstained],
            model_id,
        )
        yield from (list(row) for row in zip(*spoken, strict=True))
