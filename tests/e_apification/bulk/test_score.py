import csv
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.errors import DataError, TriageError
from e_apification.bulk.score import Summary, score_csv

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL_ID = "0123456789ab"
MESSAGES = """\
id,text,note
1,refund,-5
2,"my parcel,
please",
3,https://t.co/abc,x
4,what is this,=1+1
5,refund,
6
7,@acme hello,@you
"""


def no_session() -> AbstractContextManager["SparkSession"]:
    raise AssertionError("Spark is not needed here")


def score(settings: Settings, folder: Path, out: str, session: Any, **changed: Any) -> Summary:
    source = folder / "in.csv"
    if not source.exists():
        source.write_text(MESSAGES, encoding="utf-8")
    options: dict[str, Any] = {
        "text_column": "text",
        "open_session": lambda: nullcontext(session),
    } | changed
    return score_csv(settings, source=source, out=folder / out, **options)


def test_every_row_comes_out_in_order_with_its_label(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    summary = score(settings, tmp_path, "out.csv", spark)
    assert summary[:5] == (7, 6, {"wrong number of columns": 1}, 5, 2)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "text", "note", "label", "confidence", "abstained", "model_id"],
            ["1", "refund", "'-5", "billing", "0.6914", "false", MODEL_ID],
            ["2", "my parcel,\nplease", "", "delivery", "0.6914", "false", MODEL_ID],
            ["3", "https://t.co/abc", "x", "", "0.3333", "true", MODEL_ID],
            ["4", "what is this", "'=1+1", "", "0.3333", "true", MODEL_ID],
            ["5", "refund", "", "billing", "0.6914", "false", MODEL_ID],
            ["7", "'@acme hello", "'@you", "other", "0.6914", "false", MODEL_ID],
        ]
    listed = (tmp_path / "out.csv.rejected.csv").read_bytes().decode()
    assert listed == "source_row,reason,record\r\n6,wrong number of columns,6\r\n"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == []


def test_parquet_and_a_second_run_give_the_same(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    labels = ["billing", "delivery", None, None, "billing", "other"]
    for _ in range(2):
        score(settings, tmp_path, "out.parquet", spark)
        table = pq.read_table(tmp_path / "out.parquet")
        assert table.column("label").to_pylist() == labels
        assert table.column("id").to_pylist() == ["1", "2", "3", "4", "5", "7"]
    assert (tmp_path / "out.parquet.rejected.csv").exists()
    (tmp_path / "in.csv").write_text("text\nrefund\n", encoding="utf-8")
    score(settings, tmp_path, "out.parquet", spark)
    assert not (tmp_path / "out.parquet.rejected.csv").exists()


def test_a_file_without_rows_gives_one_without_rows(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n", encoding="utf-8")
    (tmp_path / ".out.csv.scoring" / "scored").mkdir(parents=True)  # left by a killed run
    summary = score(settings, tmp_path, "out.csv", None, open_session=no_session)
    assert summary[:5] == (0, 0, {}, 0, 0)
    content = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert content == "text,label,confidence,abstained,model_id\n"
    assert not (tmp_path / ".out.csv.scoring").exists()


@pytest.mark.parametrize(
    ("out", "changed", "message"),
    [
        ("out.csv", {"text_column": "body"}, "no column 'body'; it has 'id', 'text', 'note'"),
        ("out.xlsx", {}, r"must end in \.csv or \.parquet"),
        ("in.csv", {}, "is the input"),
    ],
)
def test_what_cannot_work_is_said_before_spark_starts(
    settings: Settings, tmp_path: Path, out: str, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(TriageError, match=message):
        score(settings, tmp_path, out, None, open_session=no_session, **changed)
    assert (tmp_path / "in.csv").read_text(encoding="utf-8") == MESSAGES
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


def test_without_a_model_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run `make train_model` first"):
        score(Settings(run_dir=tmp_path), tmp_path, "out.csv", None, open_session=no_session)


def test_a_failed_run_leaves_the_output_of_the_last_one(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text\nrefund\n", encoding="utf-8")
    score(settings, tmp_path, "out.csv", spark)
    before = (tmp_path / "out.csv").read_bytes()
    (tmp_path / "in.csv").write_text("text\nparcel\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="not needed"):
        score(settings, tmp_path, "out.csv", None, open_session=no_session)
    assert (tmp_path / "out.csv").read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]
