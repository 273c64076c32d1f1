import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import DataError, TriageError
from common.tables.input import TableInput
from e_apification.bulk.rows import (
    Landed,
    Results,
    added_names,
    land_table,
    read_results,
    scored_batches,
    scored_schema,
)

LABELS = ("billing", "delivery", "other")
ADDED = ["label", "confidence", "abstained", "truncated", "model_id"]


def land(tmp_path: Path, content: str, column: str = "text") -> Landed:
    source = tmp_path / "in.csv"
    source.write_text(content, encoding="utf-8", newline="")
    return land_table(
        TableInput(source),
        tmp_path / "rows.parquet",
        rejects=tmp_path / "rejected.csv",
        text_column=column,
        max_field_mb=1,
    )


def test_rows_land_numbered_with_their_columns(tmp_path: Path) -> None:
    landed = land(tmp_path, "id,body\n7,refund\n8,\n", column="body")
    assert (landed.header, landed.texts, landed.rows) == (["id", "body"], ("body",), 2)
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == [
        {"row": 0, "text": "refund", "c0": "7", "c1": "refund"},
        {"row": 1, "text": "", "c0": "8", "c1": ""},
    ]


def texts_of(tmp_path: Path) -> list[str]:
    texts: list[str] = pq.read_table(tmp_path / "rows.parquet").column("text").to_pylist()
    return texts


def test_several_columns_are_one_text(tmp_path: Path) -> None:
    landed = land(tmp_path, "subject,id,body\nLate,1,Where?\n,2,Crash\n", column="subject,body")
    assert landed.texts == ("subject", "body")
    assert texts_of(tmp_path) == ["Late\nWhere?", "Crash"]


@pytest.mark.parametrize("name", ["ticket.message", "0", "Message: body", "tickets #2", "a`b", "é"])
def test_a_column_may_be_called_anything(tmp_path: Path, name: str) -> None:
    assert land(tmp_path, f"id,{name}\n1,refund\n", column=name).header == ["id", name]
    assert texts_of(tmp_path) == ["refund"]


def test_columns_that_are_no_text_may_share_a_name(tmp_path: Path) -> None:
    assert land(tmp_path, "a,text,a,\n1,b,2,3\n").header == ["a", "text", "a", ""]


@pytest.mark.parametrize(
    ("given", "last", "replaced"),
    [
        ("id,text", "label,confidence,abstained,truncated,model_id", True),
        ("text,label", "predicted_label,confidence,abstained,truncated,model_id", True),
        ("text,label", "label,confidence,abstained,truncated,model_id", False),
        ("id,text", "predicted_label,confidence,abstained,truncated,model_id", False),
        ("id,text", "label,confidence,truncated,abstained,model_id", False),
        ("id,text", "confidence,abstained,truncated,model_id", False),
        ("id,text", "Label,confidence,abstained,truncated,model_id", False),
    ],
)
def test_only_columns_of_an_earlier_run_are_replaced(
    tmp_path: Path, given: str, last: str, replaced: bool
) -> None:
    names = [*given.split(","), *last.split(",")]
    landed = land(tmp_path, f"{','.join(names)}\n{','.join('x' for _ in names)}\n")
    assert (landed.replaced, landed.header) == (replaced, given.split(",") if replaced else names)


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
        {"row": 0, "text": "a", "c0": "1", "c1": "a"},
        {"row": 1, "text": "c", "c0": "4", "c1": "c"},
        {"row": 2, "text": "f", "c0": "6", "c1": "f"},
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
    landed = land_table(
        TableInput(source),
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
        ("a,text,text\n1,b,c\n", "has two columns named 'text'; rename one"),
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


def results_file(folder: Path, records: list[tuple[list[int], int, float, bool]]) -> Path:
    folder.mkdir()
    rows, labels, confidence, truncated = zip(*records, strict=True)
    table = pa.table(
        {
            "rows": pa.array(rows, pa.list_(pa.int64())),
            "label": pa.array(labels, pa.int32()),
            "confidence": pa.array(confidence, pa.float32()),
            "truncated": pa.array(truncated, pa.bool_()),
        }
    )
    pq.write_table(table, folder / "part-0.parquet")
    return folder


def test_results_of_distinct_texts_are_spread_over_their_rows(tmp_path: Path) -> None:
    records = [([3, 0], 1, 0.5, True), ([1], -1, 0.25, False), ([2], -2, 1.0, False)]
    scored = results_file(tmp_path / "scored", records)
    results = read_results(scored, rows=4)
    assert results.labels.tolist() == [1, -1, -2, 1]
    assert results.confidence.tolist() == [0.5, 0.25, 1.0, 0.5]
    assert results.truncated.tolist() == [True, False, False, True]
    assert results.distinct == 3
    assert [results.count(code) for code in (1, -1, 0)] == [2, 1, 0]
    assert isinstance(results.labels, np.memmap)  # in a file, however many rows there are


@pytest.mark.parametrize("rows", [[[0], [1]], [[0, 1], [1, 2]], [[0, 1], [1]]])
def test_a_row_without_result_or_with_two_is_an_error(
    tmp_path: Path, rows: list[list[int]]
) -> None:
    scored = results_file(tmp_path / "scored", [(index, 0, 1.0, False) for index in rows])
    with pytest.raises(TriageError, match="nothing is written"):
        read_results(scored, rows=3)


def test_rows_get_their_results_and_rows_without_text_none(tmp_path: Path) -> None:
    landed = land(tmp_path, "id,text\n1,=cmd()\n2,what\n3,\n4,long\n")
    results = Results(
        labels=np.array([2, -1, -2, 0], np.int16),
        confidence=np.array([0.75, 0.25, 0.5, 1.0], np.float32),
        truncated=np.array([False, False, False, True]),
        distinct=4,
    )
    batches = scored_batches(
        tmp_path / "rows.parquet", landed, results, label_names=LABELS, model_id="v1"
    )
    table = pa.Table.from_batches(batches, scored_schema(landed))
    assert table.schema.names == ["id", "text", *ADDED]
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("1", "=cmd()", "other", 0.75, False, False, "v1"),
        ("2", "what", None, 0.25, True, False, "v1"),
        ("3", "", None, None, None, None, None),
        ("4", "long", "billing", 1.0, False, True, "v1"),
    ]


@pytest.mark.parametrize(
    ("header", "added"),
    [
        (["id", "text"], ADDED),
        (["text", "Label"], ["predicted_label", *ADDED[1:]]),
    ],
)
def test_a_taken_name_gets_a_prefix(header: list[str], added: list[str]) -> None:
    assert added_names(header) == added


def test_a_prefixed_name_that_is_taken_too_is_an_error() -> None:
    with pytest.raises(DataError, match="column 'predicted_label' already"):
        added_names(["text", "label", "predicted_label"])
