"""Folders of Parquet and JSONL, on a disk and behind an address, labeled by Spark alone."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.errors import DataError, SettingsError
from e_apification.bulk.folder import is_folder, score_folder
from e_apification.bulk.publish import Summary

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL_ID = "0123456789ab"
SURE = pytest.approx(0.6914, abs=1e-4)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BILLING, DELIVERY = (
    ("billing", SURE, False, False, MODEL_ID),
    ("delivery", SURE, False, False, MODEL_ID),
)
UNSURE = (None, pytest.approx(1 / 3), True, False, MODEL_ID)
NOTHING = (None,) * 5


def score(
    settings: Settings, spark: "SparkSession", source: Path | str, out: Path | str, **changed: Any
) -> Summary:
    options: dict[str, Any] = {"text_column": "text"} | changed
    return score_folder(
        settings, source=source, out=out, open_session=lambda: nullcontext(spark), **options
    )


def rows_of(folder: Path) -> dict[Any, tuple[Any, ...]]:
    """The columns behind the id, by id."""
    table = pq.read_table(folder).sort_by("id")
    return {row["id"]: tuple(row.values())[1:] for row in table.to_pylist()}


def write_jsonl(path: Path, *lines: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def test_parquet_keeps_its_types(settings: Settings, spark: "SparkSession", tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    columns = {
        "id": pa.array([1, 2, 3, 4], pa.int32()),
        "text": ["refund", "my parcel", None, "what is this"],
        "at": pa.array([NOON, None, NOON, NOON], pa.timestamp("us", "UTC")),
        "tags": [["a"], [], None, ["b", "c"]],
    }
    table = pa.table(columns)
    pq.write_table(table.slice(0, 2), folder / "a.parquet")
    pq.write_table(table.slice(2), folder / "b.parquet")
    (folder / "_notes.txt").write_text("passed over")

    summary = score(settings, spark, folder, tmp_path / "out")
    assert summary[:6] == (4, 4, {}, None, 1, 1)
    assert rows_of(tmp_path / "out") == {
        1: ("refund", NOON, ["a"], *BILLING),
        2: ("my parcel", None, [], *DELIVERY),
        3: (None, NOON, None, *NOTHING),
        4: ("what is this", NOON, ["b", "c"], *UNSURE),
    }
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text(encoding="utf-8"))
    assert (manifest["rows"], manifest["form"]) == ({"in": 4, "out": 4, "dropped": {}}, "Parquet")
    assert (manifest["model_id"], manifest["text_columns"]) == (MODEL_ID, ["text"])
    assert not (tmp_path / "out" / "_unfinished").exists()


def test_lines_that_are_no_json_stand_aside(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    write_jsonl(
        tmp_path / "in" / "a.jsonl",
        {"id": 1, "subject": "refund", "text": "hello there"}, "{not json", "", {"id": 2},
    )  # fmt: skip
    write_jsonl(tmp_path / "in" / "b.json", {"id": 3, "text": "parcel", "label": "mine"})
    summary = score(settings, spark, tmp_path / "in", tmp_path / "out", text_column="subject,text")
    assert summary[:3] == (4, 3, {"not JSON": 1})
    table = pq.read_table(tmp_path / "out").sort_by("id")
    assert table.column_names == [
        "id", "label", "subject", "text", "predicted_label", "confidence", "abstained",
        "truncated", "model_id",
    ]  # fmt: skip
    assert table["label"].to_pylist() == [None, None, "mine"]
    assert table["predicted_label"].to_pylist() == [None, None, "delivery"]
    assert table["abstained"].to_pylist() == [True, None, False]
    (listed,) = (tmp_path / "out" / "_rejected").glob("part-*.json")
    rejected = [json.loads(line) for line in listed.read_text(encoding="utf-8").splitlines()]
    assert [(Path(r["file"]).name, r["reason"], r["record"]) for r in rejected] == [
        ("a.jsonl", "not JSON", "{not json")
    ]


def test_an_address_of_a_file_system_without_links(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    """ViewFs is the one file system of Hadoop besides disks that needs no server."""
    write_jsonl(tmp_path / "disk" / "in" / "a.jsonl", {"id": 1, "text": "refund"})
    context: Any = spark.sparkContext
    context._jsc.hadoopConfiguration().set(  # noqa: SLF001 Spark has no other name for it
        f"fs.viewfs.mounttable.{tmp_path.name}.link./data", f"file:{tmp_path}/disk"
    )
    given, out = (f"viewfs://{tmp_path.name}/data/{name}" for name in ("in", "out"))
    assert is_folder(given)
    score(settings, spark, given, out)
    assert rows_of(tmp_path / "disk" / "out") == {1: ("refund", *BILLING)}
    manifest = json.loads((tmp_path / "disk" / "out" / "_manifest.json").read_text())
    assert manifest["input"] == given


def test_a_result_is_not_written_over_and_a_killed_run_is(
    settings: Settings, spark: "SparkSession", tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "in" / "a.jsonl", {"id": 1, "text": "refund"})
    killed = tmp_path / "out"
    killed.mkdir()
    for name in ("_unfinished", "part-left.parquet"):
        (killed / name).write_bytes(b"left")
    score(settings, spark, tmp_path / "in", killed)
    assert rows_of(killed) == {1: ("refund", *BILLING)}
    with pytest.raises(SettingsError, match="out is there; remove it, or name another"):
        score(settings, spark, tmp_path / "in", killed)
    # A result is an input like others; its last columns are replaced.
    score(settings, spark, killed, tmp_path / "again")
    assert rows_of(tmp_path / "again") == rows_of(killed)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "holds no file; a folder of Parquet files"),
        (("a.csv",), r"holds a.csv; a folder of Parquet files"),
        (("a.jsonl", "b.parquet"), "holds jsonl, parquet; a folder"),
    ],
)
def test_folders_that_cannot_be_labeled(
    settings: Settings, spark: "SparkSession", tmp_path: Path, names: Any, reason: str
) -> None:
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_text("{}")
    with pytest.raises(DataError, match=reason):
        score(settings, spark, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be(settings: Settings, spark: "SparkSession", tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is no folder"):
        score(settings, spark, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(DataError, match="s3a://bucket/in can't be reached .*docs/cluster.md"):
        score(settings, spark, "s3a://bucket/in", tmp_path / "out")
    write_jsonl(tmp_path / "in" / "a.jsonl", {"id": 1, "body": "refund"})
    with pytest.raises(DataError, match="has no column 'text'; it has 'body', 'id'"):
        score(settings, spark, tmp_path / "in", tmp_path / "out")
    with pytest.raises(SettingsError, match="lie in one another"):
        score(settings, spark, tmp_path / "in", tmp_path / "in" / "out", text_column="body")
