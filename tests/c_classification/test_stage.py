from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from c_classification.stage import build_labels, label_messages
from c_classification.teacher.teacher import TeacherSpec, prepare_teacher
from common.config.schema import Settings
from common.errors import DataError
from common.labels import load_labels
from common.stage.manifest import RowCounts
from common.stage.run import Built

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


TEXTS = [
    "my parcel not arrived", "charged twice", "thanks user", "charged twice", "the app crashes",
    "charged twice", "order was late", "refund my bill", "help", "you and i", "thanks", "the bill",
]  # fmt: skip
DDL = "tweet_id long, conversation_id long, text string, lang string"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture()
def spec(settings: Settings, cache: Path) -> TeacherSpec:
    schema = load_labels(settings.labels)
    return prepare_teacher(settings.classification, schema, cache=cache)


def frame(spark: "SparkSession", texts: Any) -> Any:
    rows = [(n, 100 + n, text, "en") for n, text in enumerate(texts, start=1)]
    return spark.createDataFrame(rows, DDL).repartition(3)


def rows_in(folder: Path) -> list[dict[str, Any]]:
    rows = pq.read_table(folder / "messages").to_pylist()
    return sorted(rows, key=lambda row: row["tweet_id"])


def test_each_message_comes_out_once_with_its_soft_label(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    built = build_labels(frame(spark, TEXTS), spec, tmp_path, seed=1)
    rows = rows_in(tmp_path)
    assert [row["tweet_id"] for row in rows] == list(range(1, 13))
    assert [row["text"] for row in rows] == TEXTS
    assert [row["conversation_id"] for row in rows] == list(range(101, 113))
    assert list(rows[0]) == [
        "tweet_id", "conversation_id", "text", "lang", "label", "confidence", "scores", "teacher",
        "votes",
    ]  # fmt: skip
    for row in rows:
        assert sum(row["scores"]) == pytest.approx(1, abs=1e-5)
        assert row["confidence"] == max(row["scores"])
        assert row["label"] == ("parcel", "bill", "rest")[row["scores"].index(row["confidence"])]
        assert row["teacher"] == "embedding"
        assert row["votes"] == [row["label"]]
    assert rows[1]["scores"] == rows[3]["scores"] == rows[5]["scores"]
    assert (built.rows.taken, built.rows.out, built.rows.dropped) == (12, 12, {})
    assert built.figures["distinct_texts"] == 10
    assert built.figures["shards"] == 4
    assert sum(built.figures["labels"].values()) + built.figures["abstained"] == 12
    assert not (tmp_path / "shards").exists()


def test_ids_and_columns_of_the_source_come_through(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    rows = [
        (1, 101, text, "en", None, f"TKT-{n}", " mail ", "=1+1", "2.50", None)
        for n, text in enumerate(TEXTS[:1])
    ]
    names = ("tweet_id", "conversation_id", "text", "lang", "brand", "id", "ticket.channel",
             "a `b`, c", "source_label", "Empty")  # fmt: skip
    types = "long long string string string string string string string string".split()
    ddl = ", ".join(
        f"`{name.replace('`', '``')}` {kind}" for name, kind in zip(names, types, strict=True)
    )
    build_labels(spark.createDataFrame(rows, ddl), spec, tmp_path, seed=1)
    (row,) = rows_in(tmp_path)
    assert list(row)[9:] == ["id", "ticket.channel", "a `b`, c", "source_label", "Empty"]
    assert list(row.values())[9:] == ["TKT-0", " mail ", "=1+1", "2.50", None]


def test_each_worker_loads_the_model_once(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    many = frame(spark, [f"{text} {n}" for n in range(8) for text in TEXTS])
    # Spark keeps its workers between tests; a spec of its own makes them load anew.
    unseen = spec._replace(settings=spec.settings.model_copy(update={"threshold": 0.31}))
    figures = build_labels(many, unseen, tmp_path, seed=1).figures
    assert figures["shards"] == 27
    assert 1 <= figures["workers"] <= 2
    assert figures["model_loads"] == figures["workers"]


def test_below_the_threshold_the_label_is_null_and_the_scores_stay(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    strict = spec._replace(settings=spec.settings.model_copy(update={"threshold": 1.0}))
    built = build_labels(frame(spark, TEXTS), strict, tmp_path, seed=1)
    assert {row["label"] for row in rows_in(tmp_path)} == {None}
    assert all(len(row["scores"]) == 3 for row in rows_in(tmp_path))
    assert built.figures["abstained"] == 12


def test_rows_without_text_or_beyond_the_budget_are_counted(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    few = spec._replace(settings=spec.settings.model_copy(update={"budget": 8}))
    rows = [
        (n, 100 + n, text, text, None, None, True) for n, text in enumerate([*TEXTS, None], start=1)
    ]
    ddl = "tweet_id long, conversation_id long, text string, clean_text string, lang string"
    messages = spark.createDataFrame(rows, f"{ddl}, brand string, is_opener boolean")
    dated = messages.withColumn("created_at", F.lit(None).cast("timestamp"))
    built = build_labels(dated, few, tmp_path, seed=1)
    labeled = rows_in(tmp_path)
    assert len({row["text"] for row in labeled}) == 8
    assert built.rows.dropped == {"no text": 1, "left to the student": 12 - len(labeled)}
    assert (built.figures["distinct_texts"], built.figures["texts_left"]) == (8, 2)


def test_finished_shards_are_kept_and_only_the_rest_is_labeled(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    from c_classification.labeling.shards import label_texts

    folder = tmp_path / "shards"
    messages = frame(spark, TEXTS)
    label_texts(messages, spec, folder)
    files = sorted(folder.glob("shard-*.parquet"))
    files[0].unlink()
    before = {path.name: path.stat().st_mtime_ns for path in files[1:]}
    again = label_texts(messages, spec, folder)
    assert again.resumed == len(files) - 1 > 0
    assert {p.name: p.stat().st_mtime_ns for p in files[1:]} == before
    assert files[0].is_file()
    assert pq.read_table(folder).num_rows == 10


def test_nothing_to_label_is_an_error(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no message to label"):
        build_labels(frame(spark, [None]), spec, tmp_path, seed=1)


def test_texts_that_were_labeled_before_keep_their_labels(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for folder in (first, second, third):
        folder.mkdir()
    build_labels(frame(spark, TEXTS), spec, first, seed=1)
    table = pq.read_table(first / "messages")
    sure = pa.array([0.125] * len(table), pa.float32())
    marked = tmp_path / "marked"
    marked.mkdir()
    pq.write_table(table.set_column(5, table.schema.field(5), sure), marked / "part-0.parquet")
    before = set(table["text"].to_pylist())

    more = [*TEXTS, "a new bill", "a new bill", "order late again"]
    built = build_labels(frame(spark, more), spec, second, seed=1, earlier=marked)
    assert [row["text"] for row in rows_in(second)] == more
    assert (built.figures["distinct_texts"], built.figures["texts_labeled_before"]) == (12, 10)
    kept = [row["text"] for row in rows_in(second) if row["confidence"] == 0.125]
    assert set(kept) == before

    again = build_labels(frame(spark, more), spec, third, seed=1, earlier=second / "messages")
    assert again.figures["texts_labeled_before"] == 12
    assert rows_in(third) == rows_in(second)
    assert sorted(path.name for path in third.iterdir()) == ["messages"]


@pytest.mark.parametrize(
    ("curated", "copied"), [({"cut_mail": True}, True), ({"cut_mail": False}, False), ({}, False)]
)
def test_whether_mails_were_cut_is_copied_for_the_model(
    settings: Settings,
    write_curated: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    curated: Any,
    copied: bool,
) -> None:
    write_curated(TEXTS, **curated)
    built = Built(RowCounts(taken=12, out=12), {"teacher": "embedding"})
    for name, stub in {
        "in_child": lambda *_, **__: None,
        "spark_session": lambda *_, **__: nullcontext(),
        "read_parquet": lambda *_, **__: None,
        "build_labels": lambda *_, **__: built,
        "label_synthetic": lambda *_, **__: {"synthetic_messages": 7},
    }.items():
        monkeypatch.setattr(f"c_classification.stage.{name}", stub)
    figures = label_messages(settings).figures
    assert figures["cut_mail"] is copied
    assert figures["synthetic_messages"] == 7
    assert figures["teacher"] == "embedding"
