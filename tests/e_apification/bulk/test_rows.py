import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import DataError, TriageError
from e_apification.bulk.rows import (
    Landed,
    Results,
    added_names,
    land_csv,
    read_results,
    write_results,
)

LABELS = ("billing", "delivery", "other")


def land(tmp_path: Path, content: str, column: str = "text") -> Landed:
    source = tmp_path / "in.csv"
    source.write_text(content, encoding="utf-8", newline="")
    return land_csv(
        source,
        tmp_path / "rows.parquet",
        rejects=tmp_path / "rejected.csv",
        text_column=column,
        max_field_mb=1,
    )


def test_rows_land_numbered_with_their_columns(tmp_path: Path) -> None:
    landed = land(tmp_path, "id,body\n7,refund\n8,\n", column="body")
    assert (landed.header, landed.columns, landed.rows) == (["id", "body"], ["c0", "text"], 2)
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == [
        {"row": 0, "c0": "7", "text": "refund"},
        {"row": 1, "c0": "8", "text": ""},
    ]


def rejects(tmp_path: Path) -> list[list[str]]:
    with (tmp_path / "rejected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_records_that_cannot_be_read_are_set_aside_and_counted(tmp_path: Path) -> None:
    landed = land(tmp_path, 'id,text\n1,a\n2\n3,"b\n4,c\n=5,d,e\n6,f\n')
    assert (landed.rows, landed.rejected) == (
        3,
        {"broken quote": 1, "wrong number of columns": 2},
    )
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == [
        {"row": 0, "c0": "1", "text": "a"},
        {"row": 1, "c0": "4", "text": "c"},
        {"row": 2, "c0": "6", "text": "f"},
    ]
    assert rejects(tmp_path) == [
        ["source_row", "reason", "record"],
        ["2", "wrong number of columns", "2"],
        ["3", "broken quote", '3,"b'],
        ["5", "wrong number of columns", "'=5,d,e"],
    ]


def test_a_quote_left_open_costs_its_own_row_alone(tmp_path: Path) -> None:
    content = 'id,text\n1,"my parcel is late\n2,charged twice\n3,app crashes\n'
    assert land(tmp_path, content).rejected == {"broken quote": 1}
    texts = pq.read_table(tmp_path / "rows.parquet").column("text").to_pylist()
    assert texts == ["charged twice", "app crashes"]
    assert rejects(tmp_path)[1:] == [["1", "broken quote", '1,"my parcel is late']]


def test_what_is_no_utf8_is_rejected_and_never_replaced(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"id,text\n1,M\xfcller\n2,caf\xc3\xa9\n")
    landed = land_csv(
        source,
        tmp_path / "rows.parquet",
        rejects=tmp_path / "rejected.csv",
        text_column="text",
        max_field_mb=1,
    )
    assert landed.rejected == {"not UTF-8": 1}
    assert pq.read_table(tmp_path / "rows.parquet").column("text").to_pylist() == ["café"]
    assert rejects(tmp_path)[1:] == [["1", "not UTF-8", "1,M\\xfcller"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,body\n1,a\n", r"no column 'text'; it has 'id', 'body'\. .* TEXT_COLUMN="),
        ("a,text,a\n1,b,c\n", "columns of the same name: 'a'; rename them"),
        ("", "is empty; it needs a header line"),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        land(tmp_path, content)


def test_names_that_differ_in_case_are_two_columns(tmp_path: Path) -> None:
    assert land(tmp_path, "Text,text,\n1,a,2\n").header == ["Text", "text", ""]


def results_file(folder: Path, records: list[tuple[list[int], int, float]]) -> Path:
    folder.mkdir()
    rows, labels, confidence = zip(*records, strict=True)
    table = pa.table(
        {
            "rows": pa.array(rows, pa.list_(pa.int64())),
            "label": pa.array(labels, pa.int32()),
            "confidence": pa.array(confidence, pa.float32()),
        }
    )
    pq.write_table(table, folder / "part-0.parquet")
    return folder


def test_results_of_distinct_texts_are_spread_over_their_rows(tmp_path: Path) -> None:
    scored = results_file(tmp_path / "scored", [([3, 0], 1, 0.5), ([1], -1, 0.25), ([2], 0, 1.0)])
    results = read_results(scored, rows=4)
    assert results.labels.tolist() == [1, -1, 0, 1]
    assert results.confidence.tolist() == [0.5, 0.25, 1.0, 0.5]
    assert results.distinct == 3


@pytest.mark.parametrize("rows", [[[0], [1]], [[0, 1], [1, 2]], [[0, 1], [1]]])
def test_a_row_without_result_or_with_two_is_an_error(
    tmp_path: Path, rows: list[list[int]]
) -> None:
    scored = results_file(tmp_path / "scored", [(index, 0, 1.0) for index in rows])
    with pytest.raises(TriageError, match="nothing is written"):
        read_results(scored, rows=3)


def write(tmp_path: Path, name: str) -> Path:
    landed = land(tmp_path, 'id,text\n1,"=cmd()"\n2,"two\nlines"\n')
    results = Results(np.array([2, -1], np.int16), np.array([0.75, 0.3], np.float32), 2)
    target = tmp_path / name
    write_results(
        target, tmp_path / "rows.parquet", landed, results, label_names=LABELS, model_id="v1"
    )
    return target


def test_csv_output_is_formula_safe_and_keeps_newlines(tmp_path: Path) -> None:
    with write(tmp_path, "out.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "text", "label", "confidence", "abstained", "model_id"],
            ["1", "'=cmd()", "other", "0.7500", "false", "v1"],
            ["2", "two\nlines", "", "0.3000", "true", "v1"],
        ]


def test_parquet_output_keeps_values_as_they_are(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path, "out.parquet"))
    assert table.schema.names == ["id", "text", "label", "confidence", "abstained", "model_id"]
    assert table.column("text").to_pylist() == ["=cmd()", "two\nlines"]
    assert table.column("label").to_pylist() == ["other", None]
    assert table.column("abstained").to_pylist() == [False, True]


@pytest.mark.parametrize(
    ("header", "added"),
    [
        (["id", "text"], ["label", "confidence", "abstained", "model_id"]),
        (["text", "Label"], ["predicted_label", "confidence", "abstained", "model_id"]),
    ],
)
def test_a_taken_name_gets_a_prefix(header: list[str], added: list[str]) -> None:
    assert added_names(header) == added


def test_a_prefixed_name_that_is_taken_too_is_an_error() -> None:
    with pytest.raises(DataError, match="column 'predicted_label' already"):
        added_names(["text", "label", "predicted_label"])
