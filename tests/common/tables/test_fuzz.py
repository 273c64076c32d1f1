"""Random tables through ingestion and through bulk scoring: each record arrives once.

TABLE_FUZZ_CASES tables a test (`make fuzz`: 2,000), from tests/tables.py. What Spark and the model
do between the two ends of scoring is replaced by results that are made up.
"""

import csv
import gzip
import io
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from a_ingestion.landing import MESSAGES, QUARANTINE_FOLDER, land_csv
from common.tables import table as reader
from common.tables.delimited.csv_text import open_csv
from common.tables.input import TableInput
from common.tables.writing.formulas import harmless, unmarked
from e_apification.bulk.formats import Dialect, write_table
from e_apification.bulk.rows import (
    Landed,
    land_table,
    read_results,
    scored_batches,
    scored_schema,
)
from tests.tables import SIGNS, TableFile, files

CASES = int(os.environ.get("TABLE_FUZZ_CASES", "100"))
FUZZ = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LABELS = ("billing", "delivery", "other")
# How much of a file is read at a time: a record may lie across the border of two blocks.
BLOCKS = st.sampled_from([None, 16, 200])
TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")


def input_of(file: TableFile, folder: Path) -> TableInput:
    path = folder / "in"
    path.write_bytes(file.content)
    return TableInput(path, encoding=file.encoding, delimiter=file.delimiter)


def blocks_of(size: int | None) -> Any:
    def small(*args: Any, **options: Any) -> Any:
        return open_csv(*args, **options | {"block_bytes": size, "max_open": 1 << 20})

    return patch.object(reader, "open_csv", small if size else open_csv)


@FUZZ
@given(files(), BLOCKS)
def test_ingestion_keeps_each_record_once(file: TableFile, block_bytes: int | None) -> None:
    note(f"{file} in blocks of {block_bytes}")
    with tempfile.TemporaryDirectory() as name, blocks_of(block_bytes):
        folder = Path(name)
        text = file.text_column
        landed = land_csv(input_of(file, folder), folder, text_column=text, max_field_mb=1)
        rows = pq.read_table(folder / MESSAGES)
        quarantine = pq.read_table(folder / QUARANTINE_FOLDER)
    columns = tuple(name or f"column_{at}" for at, name in enumerate(file.columns, 1))
    assert landed.columns == columns
    assert landed.form == file.form.described
    assert rows.column_names == [*columns, "source_row"]
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (*row, number) for number, row in file.rows.items()
    ]
    assert [(row["source_row"], row["reason"]) for row in quarantine.to_pylist()] == [
        *file.rejected.items()
    ]
    assert landed.rows.taken == len(file.records)
    assert landed.rows.dropped == Counter(file.rejected.values())


@FUZZ
@given(st.data(), st.booleans(), BLOCKS)
def test_score_gives_back_each_row_once(
    data: st.DataObject, guard: bool, block_bytes: int | None
) -> None:
    twins = data.draw(st.booleans())
    file = data.draw(files(twins=twins))
    distinct = len({*file.columns}) == len(file.columns)
    endings = (*TEXT_ENDINGS, ".xlsx", *([".parquet", ".jsonl", ".jsonl.gz"] if distinct else []))
    ending = data.draw(st.sampled_from(endings))
    note(f"{file} to {ending} in blocks of {block_bytes}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with blocks_of(block_bytes):
            landed, out = score(input_of(file, folder), file.text_column, ending, guard)
        rejected = delimited(folder / "rejected.csv", ",")
        header, rows = read_back(out, landed)
        again = score_again(out, landed, file.text_column, guard) if ending == ".csv" else None
        assert again is None or again == out.read_bytes()
    assert [(int(number), reason) for number, reason, _ in rejected[1:]] == [*file.rejected.items()]
    assert (landed.form, landed.rows) == (file.form, len(file.rows))
    shown = harmless if guard and ending in TEXT_ENDINGS else str
    width = len(file.columns)
    assert header[:width] == [shown(name) for name in file.columns]
    assert header[width:] == landed.added
    assert [row[:width] for row in rows] == [[*map(shown, row)] for row in file.rows.values()]
    assert [row[-1] for row in rows] == [model_of(number) for number in range(len(rows))]
    for cell in (cell for row in file.rows.values() for cell in row):
        assert unmarked(harmless(cell)) == unmarked(cell)
        assert unmarked(harmless(cell)) == cell or cell.startswith("'")


def score(source: TableInput, text_column: str, ending: str, guard: bool) -> tuple[Landed, Path]:
    """A file labeled as score_table does it; each row has a result of its own."""
    folder = source.path.parent
    texts, out = folder / "texts.parquet", folder / f"out{ending}"
    landed = land_table(
        source, texts, rejects=folder / "rejected.csv", text_column=text_column,
        max_field_mb=1, guard=guard,
    )  # fmt: skip
    (folder / "scored").mkdir(exist_ok=True)
    numbers = range(landed.rows)
    table = {
        "rows": pa.array([[n] for n in numbers], pa.list_(pa.int64())),
        "label": pa.array([n % 5 - 2 for n in numbers], pa.int32()),
        "confidence": pa.array([n / 10 for n in numbers], pa.float32()),
        "truncated": pa.array([n % 2 == 0 for n in numbers], pa.bool_()),
    }
    pq.write_table(pa.table(table), folder / "scored" / "part-0.parquet")
    results = read_results(folder / "scored", rows=landed.rows)
    batches = scored_batches(texts, landed, results, label_names=LABELS, model_id="v1")
    dialect = Dialect(landed.form.delimiter or ",", landed.form.bom, guard)
    write_table(out, ending, scored_schema(landed), batches, dialect)
    return landed, out


def model_of(row: int) -> str:
    """The model_id of a row: nothing where there was no text."""
    return "" if row % 5 == 0 else "v1"


def score_again(out: Path, landed: Landed, text_column: str, guard: bool) -> bytes:
    """The output as input."""
    delimiter = landed.form.delimiter or ","
    folder = out.parent / "again"
    folder.mkdir()
    again = (folder / "in").with_suffix(".csv")
    again.write_bytes(out.read_bytes())
    source = TableInput(again, delimiter=None if delimiter in SIGNS else delimiter)
    shown = harmless(text_column) if guard else text_column
    second, rewritten = score(source, shown, ".csv", guard)
    assert second.replaced
    return rewritten.read_bytes()


def text_of(out: Path) -> str:
    content = out.read_bytes()
    return (gzip.decompress(content) if out.suffix == ".gz" else content).decode("utf-8-sig")


def delimited(out: Path, sign: str) -> list[list[Any]]:
    return list(csv.reader(io.StringIO(text_of(out), newline=""), delimiter=sign))


def json_lines(out: Path, names: list[str]) -> list[list[Any]]:
    records = [json.loads(line) for line in text_of(out).split("\n")[:-1]]
    assert all(list(record) == names for record in records)
    return [names, *(list(record.values()) for record in records)]


def parquet(out: Path) -> list[list[Any]]:
    table = pq.read_table(out)
    return [table.column_names, *(list(row.values()) for row in table.to_pylist())]


def workbook(out: Path) -> list[list[Any]]:
    def shown(value: Any) -> Any:  # openpyxl leaves Excel's escapes as they are written
        if not isinstance(value, str):
            return value
        return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)

    sheet = openpyxl.load_workbook(out).worksheets[0]
    header, *rows = ([shown(cell.value) for cell in row] for row in sheet)
    return [[name or "" for name in header], *rows]


def read_back(out: Path, landed: Landed) -> tuple[list[str], list[list[str]]]:
    """Header and rows as texts, nothing for null."""
    kind = out.name.split(".")[1]
    if kind == "parquet":
        header, *rows = parquet(out)
    elif kind == "xlsx":
        header, *rows = workbook(out)
    elif kind == "jsonl":
        header, *rows = json_lines(out, scored_schema(landed).names)
    else:
        header, *rows = delimited(out, "\t" if kind == "tsv" else landed.form.delimiter or ",")
    return header, [["" if v is None else str(v) for v in row] for row in rows]
