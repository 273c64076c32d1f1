"""The two ends of bulk scoring: a table landed as Parquet, and its rows with results."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DataError, TriageError
from common.log import progress
from common.tables.columns.places import TEXT_REMEDY, column_places, text_columns
from common.tables.columns.texts import join_texts
from common.tables.form import Form
from common.tables.input import TableInput
from common.tables.table import open_table
from common.tables.writing.output import write_csv
from e_apification.bulk.spark import ABSTAINED, NO_TEXT

REJECTS = ("source_row", "reason", "record")
ADDED = {
    "label": pa.string(),
    "confidence": pa.float32(),
    "abstained": pa.bool_(),
    "truncated": pa.bool_(),
    "model_id": pa.string(),
}
_BATCH_ROWS = 10_000
_PART_ROWS = 1_000_000
_UNSEEN = -3
_RESULTS = {"label": np.int16, "confidence": np.float32, "truncated": np.bool_}


class Landed(NamedTuple):
    """A table whose readable rows lie in a Parquet file as row (0-based), text, c0, c1, …

    header: names of c0, c1, … and of what is added to them. texts: the columns that text was
    joined of. replaced: whether the input had results of an earlier run. rejected: how many
    records could not be read, by reason.
    """

    header: list[str]
    added: list[str]
    texts: tuple[str, ...]
    replaced: bool
    rows: int
    rejected: Counter[str]
    form: Form


class Results(NamedTuple):
    """One entry a row, in row order, in files beside the results, so that any N fits.

    labels: (N,) int16, or ABSTAINED or NO_TEXT; confidence, truncated: (N,).
    """

    labels: NDArray[np.int16]
    confidence: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    distinct: int

    def count(self, code: int) -> int:
        """Rows with that label."""
        parts = range(0, len(self.labels), _PART_ROWS)
        return sum(
            int(np.count_nonzero(self.labels[start : start + _PART_ROWS] == code))
            for start in parts
        )


def land_table(
    source: TableInput,
    target: Path,
    *,
    rejects: Path,
    text_column: str,
    max_field_mb: int,
    guard: bool = True,
) -> Landed:
    """Stream a table into one Parquet file, as ingestion reads it, and what it rejects into a CSV.

    Args:
        source: the table.
        target: the Parquet file.
        rejects: a CSV with the columns of ingestion's quarantine: source_row, reason, record.
        text_column: one or several columns, as ingestion.text_column names them.
        max_field_mb: a record with a longer field is rejected.
        guard: whether formulas are made harmless in the CSV.

    Raises:
        DataError: if the table cannot be read, lacks a text column, or has two of its name.
    """
    rows, rejected = 0, Counter[str]()
    with open_table(source, max_field_mb=max_field_mb) as table:
        header, replaced = without_results(list(table.columns))
        texts = text_columns(text_column, header)
        places = column_places(header, texts, name=str(source.path), remedy=TEXT_REMEDY)
        schema = pa.schema(
            [("row", pa.int64()), ("text", pa.string())]
            + [(f"c{place}", pa.string()) for place in range(len(header))]
        )
        with (
            pq.ParquetWriter(target, schema) as writer,
            rejects.open("w", encoding="utf-8", newline="") as listed,
        ):
            write_csv(listed, [REJECTS])
            for batch in progress(table.batches, total=table.total, what="reading", unit="block"):
                numbers = pa.array(range(rows, rows + batch.rows.num_rows), pa.int64())
                columns = batch.rows.columns[: len(header)]
                text = join_texts([columns[place] for place in places]).fill_null("")
                writer.write_table(pa.table([numbers, text, *columns], schema=schema))
                rows += batch.rows.num_rows
                records = ([str(r.number), r.reason, r.record] for r in batch.rejected)
                write_csv(listed, records, guard=guard)
                rejected.update(r.reason for r in batch.rejected)
    return Landed(header, added_names(header), texts, replaced, rows, rejected, table.form)


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


def landed_batches(rows: Path, header: Sequence[str]) -> Iterator[list[pa.Array]]:
    """The columns of the input, batch by batch."""
    names = [f"c{place}" for place in range(len(header))]
    for batch in pq.ParquetFile(rows).iter_batches(_BATCH_ROWS, columns=names):
        yield batch.columns


def read_results(scored: Path, *, rows: int) -> Results:
    """Spread the results of distinct texts over the rows that have them.

    Raises:
        TriageError: if a row got no result, or two.
    """
    labels, confidence, truncated = (
        np.lib.format.open_memmap(
            scored.with_name(f"{name}.npy"), mode="w+", dtype=dtype, shape=(rows,)
        )
        for name, dtype in _RESULTS.items()
    )
    labels[:] = _UNSEEN
    distinct = spread = 0
    for part in sorted(scored.glob("*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches(_BATCH_ROWS):
            lists = batch.column("rows")
            index = lists.flatten().to_numpy()  # (R,) rows of all texts of the batch
            times = lists.value_lengths().to_numpy()
            for name, values in zip(_RESULTS, (labels, confidence, truncated), strict=True):
                found = batch.column(name).to_numpy(zero_copy_only=False)
                values[index] = np.repeat(found, times)
            distinct += batch.num_rows
            spread += len(index)
    results = Results(labels, confidence, truncated, distinct)
    missing = results.count(_UNSEEN)
    if spread != rows or missing:
        raise TriageError(
            f"{rows} rows were scored {spread} times and {missing} not at all; nothing is "
            "written; run again, and report it if it stays"
        )
    return results


def scored_schema(landed: Landed) -> pa.Schema:
    """The columns of the input, as texts, and the added ones with their types."""
    given = [(name, pa.string()) for name in landed.header]
    return pa.schema(given + list(zip(landed.added, ADDED.values(), strict=True)))


def scored_batches(
    rows: Path, landed: Landed, results: Results, *, label_names: Sequence[str], model_id: str
) -> Iterator[pa.RecordBatch]:
    """The rows of the input with their results; a row without text has none."""
    label_of = np.array([*label_names, None, None], dtype=object)  # the codes count from the end
    schema, start = scored_schema(landed), 0
    for columns in landed_batches(rows, landed.header):
        part = slice(start, start := start + len(columns[0]))
        chosen = results.labels[part]
        none = chosen == NO_TEXT
        added = [
            label_of[chosen],
            results.confidence[part],
            chosen == ABSTAINED,
            results.truncated[part],
            np.full(len(chosen), model_id, dtype=object),
        ]
        arrays = [
            pa.array(values, type_, mask=none)
            for values, type_ in zip(added, ADDED.values(), strict=True)
        ]
        yield pa.record_batch([*columns, *arrays], schema)


def without_results(header: list[str]) -> tuple[list[str], bool]:
    """The header without the columns that an earlier run added, and whether it had them.

    They are such only where they stand at the end, all of them, under the very names that the
    columns before them ask for.
    """
    given, last = header[: -len(ADDED)], header[-len(ADDED) :]
    try:
        replaced = last == added_names(given)
    except DataError:
        replaced = False
    return (given, True) if replaced else (header, False)
