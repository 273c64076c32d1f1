import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.config.scoring import ScoringSettings
from common.errors import DataError, TriageError
from common.tables.form import Form
from common.tables.input import TableInput
from common.tables.table import Batch, Table
from e_apification.bulk import rows as bulk_rows
from e_apification.bulk import score as command
from e_apification.bulk.publish import Summary
from e_apification.bulk.score import score_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = Path(__file__).resolve().parents[2] / "cases"
MODEL_ID = "0123456789ab"
ADDED = ["label", "confidence", "abstained", "truncated", "model_id"]
MESSAGES = """\
id,text,note
1,refund,-5
2,"my parcel,
please",
3,https://t.co/abc,x
4,what is this,=1+1
5,refund,
6
7,@acme hello,@SUM(1)
8,refund refund refund refund refund refund refund refund,+44 20 7946 0000
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
    return score_table(settings, source=TableInput(source), out=folder / out, **options)


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_row_comes_out_in_order_with_its_label(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    summary = score(settings, tmp_path, "out.csv", spark)
    assert summary[:6] == (8, 7, {"wrong number of columns": 1}, 6, 1, 1)
    sure = ["0.6914", "false", "false", MODEL_ID]
    assert read(tmp_path / "out.csv") == [
        ["id", "text", "note", *ADDED],
        ["1", "refund", "-5", "billing", *sure],
        ["2", "my parcel,\nplease", "", "delivery", *sure],
        ["3", "https://t.co/abc", "x", "", "", "", "", ""],
        ["4", "what is this", "'=1+1", "", "0.3333", "true", "false", MODEL_ID],
        ["5", "refund", "", "billing", *sure],
        ["7", "@acme hello", "'@SUM(1)", "other", *sure],
        [
            "8",
            " ".join(["refund"] * 8),
            "+44 20 7946 0000",
            "billing",
            "0.9998",
            "false",
            "true",
            MODEL_ID,
        ],
    ]
    listed = (tmp_path / "out.csv.rejected.csv").read_bytes().decode()
    assert listed == "source_row,reason,record\r\n6,wrong number of columns,6\r\n"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == []


def test_the_manifest_has_the_counts_and_digests(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    score(settings, tmp_path, "out.csv", spark)
    manifest = json.loads((tmp_path / "out.csv.manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"] == {"in": 8, "out": 7, "dropped": {"wrong number of columns": 1}}
    assert (manifest["abstained"], manifest["without_text"]) == (1, 1)
    assert (manifest["model_id"], manifest["text_columns"]) == (MODEL_ID, ["text"])
    for key, name in (("input", "in.csv"), ("output", "out.csv")):
        content = (tmp_path / name).read_bytes()
        assert manifest[key] == {
            "path": name,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_numbers_handles_and_lists_come_back_as_they_were(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    shutil.copy(CASES / "score_numbers_handles.csv", tmp_path / "in.csv")
    score(settings, tmp_path, "out.csv", spark)
    given, out = read(tmp_path / "in.csv"), read(tmp_path / "out.csv")
    assert given[1][5] == '="00042"'
    given[1][5] = '\'="00042"'
    assert [row[:6] for row in out] == given


def test_the_guard_can_be_turned_off(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    shutil.copy(CASES / "score_numbers_handles.csv", tmp_path / "in.csv")
    off = settings.model_copy(update={"scoring": ScoringSettings(guard_formulas=False)})
    score(off, tmp_path, "out.csv", spark)
    assert [row[:6] for row in read(tmp_path / "out.csv")] == read(tmp_path / "in.csv")


@pytest.mark.parametrize("name", ["text", "label", "truncated"])
def test_scoring_its_own_output_changes_nothing(
    settings: Settings, spark: "SparkSession", tmp_path: Path, name: str
) -> None:
    """Nor where the text itself got the apostrophe, or a column has the name of ours."""
    (tmp_path / "in.csv").write_text(
        f"{name},note\n=refund,-1+cmd\nparcel,-5\n,\nwhat,'=1\n", encoding="utf-8"
    )
    score(settings, tmp_path, "out.csv", spark, text_column=name)
    first = (tmp_path / "out.csv").read_bytes()
    (tmp_path / "out.csv").replace(tmp_path / "in.csv")
    score(settings, tmp_path, "out.csv", spark, text_column=name)
    assert (tmp_path / "out.csv").read_bytes() == first
    added = [f"predicted_{title}" if title == name else title for title in ADDED]
    assert read(tmp_path / "out.csv")[0] == [name, "note", *added]


def test_an_open_quote_costs_its_own_row_alone(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    shutil.copy(CASES / "open_quote.csv", tmp_path / "in.csv")
    summary = score(settings, tmp_path, "out.csv", spark)
    assert summary[:3] == (7, 6, {"broken quote": 1})
    assert [row[0] for row in read(tmp_path / "out.csv")[1:]] == ["1", "3", "4", "5", "6", "7"]
    assert read(tmp_path / "out.csv.rejected.csv")[1] == [
        "2",
        "broken quote",
        '2,"screen cracked after a day',
    ]


def test_what_is_no_utf8_is_decoded_or_rejected_and_never_replaced(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    shutil.copy(CASES / "score_cp1252.csv", tmp_path / "in.csv")
    summary = score(settings, tmp_path, "out.csv", spark)
    records = (tmp_path / "in.csv").read_bytes().count(b"\n") - 1
    assert summary.taken == summary.out + summary.rejected.total() == records
    assert "\ufffd" not in (tmp_path / "out.csv").read_text(encoding="utf-8")


@contextmanager
def found_as(form: Form) -> Iterator[Table]:
    """A table of three columns in another form than the file's."""
    columns = {"text": ["parcel", None, "refund"], "é;": ["1;2", None, ""]}
    rows = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    batch = Batch(rows, np.arange(1, 4), [])
    yield Table(
        columns=tuple(columns),
        batches=iter([batch]),
        total=1,
        bytes_read=lambda: 0,
        find_form=lambda: form,
    )


def test_the_form_of_the_input_is_that_of_the_output(
    settings: Settings, spark: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = Form(kind="csv", encoding="utf-16", bom=True, delimiter=";")
    monkeypatch.setattr(bulk_rows, "open_table", lambda *_, **__: found_as(form))
    (tmp_path / "in.csv").write_bytes(b"")
    score(settings, tmp_path, "out.csv", spark)
    assert (tmp_path / "out.csv").read_bytes().decode() == (
        '\ufefftext;"é;";label;confidence;abstained;truncated;model_id\r\n'
        f'parcel;"1;2";delivery;0.6914;false;false;{MODEL_ID}\r\n'
        ";;;;;;\r\n"
        f"refund;;billing;0.6914;false;false;{MODEL_ID}\r\n"
    )
    score(settings, tmp_path, "out.xlsx", spark)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]
    assert [[cell.value for cell in row] for row in sheet][1:] == [
        ["parcel", "1;2", "delivery", 0.6914, False, False, MODEL_ID],
        [None] * 7,
        ["refund", None, "billing", 0.6914, False, False, MODEL_ID],
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "xlsx"])
def test_null_stays_null_and_empty_stays_empty(
    settings: Settings,
    spark: "SparkSession",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
) -> None:
    monkeypatch.setattr(bulk_rows, "open_table", lambda *_, **__: found_as(Form(kind=kind)))
    (tmp_path / "in.csv").write_bytes(b"")
    score(settings, tmp_path, "out.jsonl", spark)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["é;"] for line in lines] == ["1;2", None, ""]
    assert [json.loads(line)["label"] for line in lines] == ["delivery", None, "billing"]
    score(settings, tmp_path, "out.csv", spark)
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("text,é;,label,")


def test_a_cell_that_fits_no_workbook_is_found_before_spark_starts(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text(f"text,b\na,\nb,{'x' * 32_768}\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 2, column 'b' has 32,768 characters"):
        score(settings, tmp_path, "out.xlsx", None, open_session=no_session)


def test_rejected_records_make_the_exit_code_four(
    settings: Settings,
    spark: "SparkSession",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "spark_session", lambda *_, **__: nullcontext(spark))
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    run = ["--csv", str(source), "--out", str(out), "--set", f"run_dir={settings.run_dir}"]
    source.write_text("id,text\n1,refund\n2\n", encoding="utf-8")
    assert command.main(run) == 4
    assert (
        f"1 of 2 records are not in {out} (wrong number of columns 1): see {out}.rejected.csv"
        in capsys.readouterr().err
    )
    assert pq.read_table(out).column("label").to_pylist() == ["billing"]
    source.write_text("id,text\n1,refund\n", encoding="utf-8")
    assert command.main(run) == 0


def test_parquet_and_a_second_run_give_the_same(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    labels = ["billing", "delivery", None, None, "billing", "other", "billing"]
    for _ in range(2):
        score(settings, tmp_path, "out.parquet", spark)
        table = pq.read_table(tmp_path / "out.parquet")
        assert table.column("label").to_pylist() == labels
        assert table.column("id").to_pylist() == ["1", "2", "3", "4", "5", "7", "8"]
    assert (tmp_path / "out.parquet.rejected.csv").exists()
    (tmp_path / "in.csv").write_text("text\nrefund\n", encoding="utf-8")
    score(settings, tmp_path, "out.parquet", spark)
    assert not (tmp_path / "out.parquet.rejected.csv").exists()


def test_a_file_without_rows_gives_one_without_rows(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n", encoding="utf-8")
    (tmp_path / ".out.csv.scoring" / "scored").mkdir(parents=True)  # left by a killed run
    summary = score(settings, tmp_path, "out.csv", None, open_session=no_session)
    assert summary[:6] == (0, 0, {}, 0, 0, 0)
    content = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert content == "text,label,confidence,abstained,truncated,model_id\n"
    assert not (tmp_path / ".out.csv.scoring").exists()


@pytest.mark.parametrize(
    ("out", "changed", "message"),
    [
        ("out.csv", {"text_column": "body"}, "no column 'body'; it has 'id', 'text', 'note'"),
        ("out.txt", {}, r"must end in \.csv, .* or \.jsonl\.gz; that decides the format"),
        ("none/out.csv", {}, r"there is no folder .*/none for out\.csv; make it"),
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
