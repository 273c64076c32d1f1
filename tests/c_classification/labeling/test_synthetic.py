"""The teacher's scores of synthetic messages: computed, or shipped where they are the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from c_classification.labeling import shipped_scores as module
from c_classification.labeling.shipped_scores import shipped_scores
from c_classification.labeling.synthetic import label_synthetic
from c_classification.teacher.teacher import TeacherSpec, prepare_teacher, score_texts
from common.config.schema import Settings
from common.config.settings import ROOT, load_settings
from common.labels import load_labels
from common.synthetic import read_synthetic

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CSV = "label,text\nbill,charged twice again\nparcel,my parcel\nrest,thanks\n"


@pytest.fixture()
def spec(settings: Settings, labels_file: Path, tmp_path: Path) -> TeacherSpec:
    (tmp_path / "more.csv").write_text(CSV, encoding="utf-8")
    labels_file.write_text(f"synthetic: more.csv\n{labels_file.read_text(encoding='utf-8')}")
    schema = load_labels(settings.labels)
    return prepare_teacher(settings.classification, schema, cache=settings.paths.cache)


def rows_in(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "synthetic").to_pylist()
    return rows


def test_each_message_has_the_label_it_was_invented_for_and_the_teacher_s_scores(
    spark: "SparkSession", spec: TeacherSpec, settings: Settings, tmp_path: Path
) -> None:
    figures = label_synthetic(spark, spec, tmp_path)
    rows = rows_in(tmp_path)
    assert [(row["text"], row["label"]) for row in rows] == [
        ("charged twice again", "bill"), ("my parcel", "parcel"), ("thanks", "rest"),
    ]  # fmt: skip
    theirs = score_texts(
        spec.settings, spec.schema, [row["text"] for row in rows], cache=settings.paths.cache
    )
    assert [row["scores"] for row in rows] == [pytest.approx(scores) for scores in theirs]
    agreed = sum(("parcel", "bill", "rest")[row["scores"].index(max(row["scores"]))] == row["label"]
                 for row in rows)  # fmt: skip
    assert figures == {"synthetic_messages": 3, "synthetic_agreement": round(agreed / 3, 4)}
    assert not (tmp_path / "synthetic_shards").exists()


def test_shipped_scores_are_those_of_one_teacher_alone(
    spark: "SparkSession", spec: TeacherSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = {"my parcel": [0.5, 0.25, 0.25]}
    assert shipped_scores(spec, ["my parcel"]) == {}
    module.write_scores(shipped, spec, tmp_path / "scores.parquet")
    monkeypatch.setattr(module, "FILE", tmp_path / "scores.parquet")
    assert shipped_scores(spec, ["my parcel", "thanks"]) == shipped
    label_synthetic(spark, spec, tmp_path)
    assert [row["scores"] == shipped["my parcel"] for row in rows_in(tmp_path)] == [
        False, True, False,
    ]  # fmt: skip
    longer = spec.settings.model_copy(update={"max_length": 9})
    assert shipped_scores(spec._replace(settings=longer), ["my parcel"]) == {}


def test_messages_that_the_teacher_has_read_keep_their_scores(
    spark: "SparkSession", spec: TeacherSpec, tmp_path: Path
) -> None:
    scores = pa.array([[0.5, 0.25, 0.25]], pa.list_(pa.float32()))  # of no teacher
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "synthetic").mkdir(parents=True)
    second.mkdir()
    known = pa.table({"text": ["my parcel"], "label": ["parcel"], "scores": scores})
    pq.write_table(known, first / "synthetic" / "part-0.parquet")
    label_synthetic(spark, spec, second, earlier=first / "messages")
    kept = [row["text"] for row in rows_in(second) if row["scores"] == [0.5, 0.25, 0.25]]
    assert kept == ["my parcel"]


def test_nothing_is_written_where_there_are_no_messages(
    spark: "SparkSession", settings: Settings, tmp_path: Path
) -> None:
    schema = load_labels(settings.labels)
    none = TeacherSpec(settings.classification, schema, ())
    assert label_synthetic(spark, none, tmp_path) == {}
    assert not (tmp_path / "synthetic").exists()


def test_the_shipped_scores_are_those_of_the_shipped_messages() -> None:
    """Where it fails: run `python -m c_classification.labeling.shipped_scores`."""
    chosen = load_settings(profile="sample").settings.classification
    schema = load_labels(ROOT / "conf" / "labels.yaml")
    texts = [text for text, _ in read_synthetic(schema)]
    found = shipped_scores(TeacherSpec(chosen, schema, ()), texts)
    assert list(found) == texts
    assert {len(scores) for scores in found.values()} == {5}
    assert max(abs(sum(scores) - 1) for scores in found.values()) < 1e-5
