import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.errors import DataError
from common.models.registry import production_id
from common.stage.manifest import Manifest
from d_training.evaluation.evaluate import evaluate
from tests.d_training.conftest import Toy

GOLD = [
    ("my parcel late and so on", "parcel"),
    ("the order not arrived !", "parcel"),
    ("charged twice !", "bill"),
    ("brand refund the bill please", "bill"),
    ("thanks a thanks", "rest"),
    ("https://no.text/at-all", "rest"),
]


@pytest.fixture()
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in GOLD), "utf-8")
    return path


@pytest.fixture()
def teacher(tmp_path: Path) -> Path:
    """Right about all but the last text, on which it abstains."""
    scores = [[0.8, 0.1, 0.1]] * 2 + [[0.1, 0.8, 0.1]] * 2 + [[0.1, 0.1, 0.8], [0.4, 0.3, 0.3]]
    path = tmp_path / "teacher.parquet"
    table = {
        "row": pa.array(range(6), pa.int64()),
        "text": [t for t, _ in GOLD[:5]] + [""],
        "label": ["parcel", "parcel", "bill", "bill", "rest", None],
        "confidence": pa.array([max(s) for s in scores], pa.float32()),
        "scores": pa.array(scores, pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(table), path)
    return path


@pytest.fixture()
def wording(tmp_path: Path) -> Path:
    """By names all are bills, by descriptions all but the last text are right."""
    path = tmp_path / "wording.parquet"
    table = {
        "row": pa.array(range(6), pa.int64()),
        "text": [t for t, _ in GOLD[:5]] + [""],
        "names": ["bill"] * 6,
        "descriptions": ["parcel", "parcel", "bill", "bill", "rest", "bill"],
        "embedding": pa.array([[1.0, 0.0]] * 6, pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(table), path)
    return path


def test_report_holds_teacher_student_and_baselines(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, tmp_path: Path
) -> None:
    settings, manifest = trained
    shown = evaluate(settings, gold=gold, teacher=teacher, report=tmp_path / "reports")
    report = json.loads((tmp_path / "reports/evaluation.json").read_text(encoding="utf-8"))
    assert report == shown.model_dump(mode="json")
    assert report["model_id"] == manifest.key
    assert report["gold"] == {
        "file": str(gold), "texts": 6, "left_out": {}, "generated": False,
    }  # fmt: skip
    assert report["teacher"]["accuracy"] == pytest.approx(5 / 6)
    assert report["teacher"]["coverage"] == pytest.approx(5 / 6)
    assert report["teacher"]["accuracy_at_coverage"] == 1.0
    # Two of six are the most frequent label; the keywords miss only "late", "twice" and the link.
    assert report["baselines"]["majority"]["accuracy"] == pytest.approx(2 / 6)
    assert report["baselines"]["keywords"]["accuracy"] == 1.0
    assert report["student"]["accuracy"] >= 4 / 6
    # The text without words is never answered.
    assert report["student"]["coverage"] <= 5 / 6
    assert report["unseen"]["texts"] == 6
    assert report["served"] == "model.int8.onnx"
    assert report["int8"]["int8_macro_f1"] == report["student"]["macro_f1"]
    assert report["int8"]["difference"] == pytest.approx(
        report["int8"]["int8_macro_f1"] - report["int8"]["float32_macro_f1"]
    )
    assert report["int8"]["equal_labels"] >= 5 / 6


def test_unchanged_inputs_are_not_scored_again(
    trained: tuple[Settings, Manifest],
    gold: Path,
    teacher: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, _ = trained
    first = evaluate(settings, gold=gold, teacher=teacher, report=tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(
            "d_training.evaluation.evaluate.served_answers", lambda *_, **__: pytest.fail("scored")
        )
        again = evaluate(settings, gold=gold, teacher=teacher, report=tmp_path)
    assert again == first
    gold.write_text(gold.read_text("utf-8").replace("thanks a thanks,rest", "thanks a thanks,"))
    changed = evaluate(settings, gold=gold, teacher=teacher, report=tmp_path)
    assert changed.gold.left_out == {"no label": 1}


def test_wording_adds_two_baselines(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, wording: Path, tmp_path: Path
) -> None:
    settings, _ = trained
    without = evaluate(settings, gold=gold, teacher=teacher, report=tmp_path)
    assert list(without.baselines) == ["majority", "keywords"]
    report = evaluate(settings, gold=gold, teacher=teacher, wording=wording, report=tmp_path)
    assert list(report.baselines) == ["majority", "keywords", "bare names", "descriptions"]
    assert report.baselines["bare names"].accuracy == pytest.approx(2 / 6)
    assert report.baselines["descriptions"].accuracy == pytest.approx(5 / 6)
    # Six texts are too few for a curve of hand labels.
    assert report.hand_labels is None
    with pytest.raises(DataError, match=r"none\.parquet does not exist"):
        evaluate(
            settings, gold=gold, teacher=teacher, wording=tmp_path / "none.parquet", report=tmp_path
        )


def test_pictures_lie_beside_the_report_and_are_redrawn_where_one_is_gone(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, tmp_path: Path
) -> None:
    settings, _ = trained
    report = tmp_path / "reports"
    first = evaluate(settings, gold=gold, teacher=teacher, report=report)
    assert sorted(path.name for path in report.iterdir()) == [
        "coverage_gold.png", "evaluation.json", "reliability_gold.png",
    ]  # fmt: skip
    (report / "coverage_gold.png").unlink()
    again = evaluate(settings, gold=gold, teacher=teacher, report=report)
    assert (report / "coverage_gold.png").is_file()
    assert again.key == first.key


def test_texts_seen_in_training_are_counted(
    trained: tuple[Settings, Manifest], toy: Toy, teacher: Path, tmp_path: Path
) -> None:
    settings, _ = trained
    rows = [row for row in toy.rows() if row["label"]][:60]
    gold = tmp_path / "gold.csv"
    gold.write_text("text,label\n" + "".join(f"{r['text'].upper()},{r['label']}\n" for r in rows))
    pq.write_table(
        pa.table(
            {
                "row": pa.array(range(60), pa.int64()),
                "text": [r["text"].upper() for r in rows],
                "label": [r["label"] for r in rows],
                "scores": pa.array([r["scores"] for r in rows], pa.list_(pa.float32())),
            }
        ),
        teacher,
    )
    wording = tmp_path / "wording.parquet"
    pq.write_table(
        pa.table(
            {
                "row": pa.array(range(60), pa.int64()),
                "text": [r["text"].upper() for r in rows],
                "names": [r["label"] for r in rows],
                "descriptions": [r["label"] for r in rows],
                # As good as the labels themselves, so that few of them are enough.
                "embedding": pa.array(
                    [[float(r["label"] == name) for name in toy.names] for r in rows],
                    pa.list_(pa.float32()),
                ),
            }
        ),
        wording,
    )
    report = evaluate(settings, gold=gold, teacher=teacher, wording=wording, report=tmp_path)
    assert report.hand_labels is not None
    assert [point.labels for point in report.hand_labels.points] == [10, 25, 48]
    assert report.hand_labels.worth == 10
    assert (tmp_path / "hand_labels.png").is_file()
    # A fifth of the conversations is held out as test, and only that is unseen.
    assert report.unseen is not None
    assert 3 <= report.unseen.texts <= 25
    assert report.unseen.teacher_macro_f1 == 1.0


def test_gold_of_the_run_itself_is_said_to_be_generated(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, tmp_path: Path
) -> None:
    settings, _ = trained
    settings.paths.raw.mkdir(parents=True, exist_ok=True)
    own = settings.paths.raw / "gold.csv"
    shutil.copyfile(gold, own)
    report = evaluate(settings, gold=own, teacher=teacher, report=tmp_path)
    assert report.gold.generated is True


def test_missing_pieces_are_named(
    trained: tuple[Settings, Manifest],
    gold: Path,
    teacher: Path,
    tmp_path: Path,
    make_settings: Callable[..., Settings],
) -> None:
    settings, _ = trained
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        evaluate(settings, gold=tmp_path / "none.csv", teacher=teacher, report=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no model was promoted"):
        evaluate(make_settings(tmp_path / "empty"), gold=gold, teacher=teacher, report=tmp_path)


@pytest.mark.parametrize("names", ["parcel money rest", "bill parcel rest"])
def test_labels_other_than_the_model_s_are_refused(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, tmp_path: Path, names: str
) -> None:
    settings, _ = trained
    other, report = tmp_path / "labels.yaml", tmp_path / "reports"
    text = settings.labels.read_text("utf-8")
    for old, new in zip(("parcel", "bill", "rest"), names.split(), strict=True):
        text = text.replace(f"- name: {old}", f"- name:  {new}")
    other.write_text(text)
    changed = settings.model_copy(update={"labels": other})
    model_id = production_id(settings.paths.models)
    refusal = rf"{model_id} was trained on other labels than .*labels\.yaml names; run `make train"
    with pytest.raises(DataError, match=refusal):
        evaluate(changed, gold=gold, teacher=teacher, report=report)
    assert not report.exists()


def test_labels_in_other_words_are_the_model_s(
    trained: tuple[Settings, Manifest], gold: Path, teacher: Path, tmp_path: Path
) -> None:
    settings, _ = trained
    other = tmp_path / "labels.yaml"
    other.write_text(settings.labels.read_text("utf-8").replace("money was taken", "a charge"))
    changed = settings.model_copy(update={"labels": other})
    report = evaluate(changed, gold=gold, teacher=teacher, report=tmp_path)
    assert report.model_id == production_id(settings.paths.models)
