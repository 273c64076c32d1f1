import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.errors import DataError
from common.labels import load_labels
from common.models.registry import cards_folder, production_id
from common.stage.manifest import Manifest, folder_records, verify_files
from common.text import rules_sha256
from d_training import run
from d_training.data.training_rows import held_out_ids
from e_apification.model.predictor import load_predictor
from tests.d_training.conftest import Toy

ROOT = Path(__file__).resolve().parents[2]


def metrics(settings: Any, manifest: Any) -> dict[str, Any]:
    path = settings.paths.models / manifest.key / "metrics.json"
    read: dict[str, Any] = json.loads(path.read_bytes())
    return read


def test_model_folder_is_whole_and_promoted(trained: tuple[Settings, Manifest]) -> None:
    settings, manifest = trained
    folder = settings.paths.models / manifest.key
    assert production_id(settings.paths.models) == manifest.key
    verify_files(folder, manifest.outputs)
    assert [r.path for r in folder_records(folder)] == [r.path for r in manifest.outputs]
    assert {
        "model.onnx", "model.int8.onnx", "tokenizer.json", "labels.yaml", "metrics.json",
        "checkpoint/model.safetensors", "checkpoint/config.json", "rows.parquet",
    } <= {r.path for r in manifest.outputs}  # fmt: skip


def test_cards_and_plots_lie_beside_the_model_folder(trained: tuple[Settings, Manifest]) -> None:
    settings, manifest = trained
    folder = cards_folder(settings.paths.models, manifest.key)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.[mp]*")} == {
        "model_card.md", "data_card.md",
        "plots/confusion_matrix.png", "plots/reliability.png", "plots/label_distribution.png",
        "plots/learning_curve.png",
    }  # fmt: skip


def test_every_row_is_counted(trained: tuple[Settings, Manifest], toy: Toy) -> None:
    _, manifest = trained
    assert manifest.rows.taken == len(toy.rows())
    assert manifest.rows.out + sum(manifest.rows.dropped.values()) == manifest.rows.taken


def test_metrics_hold_what_serving_and_people_need(trained: tuple[Settings, Manifest]) -> None:
    settings, manifest = trained
    facts = metrics(settings, manifest)
    assert facts["model_id"] == manifest.key
    assert facts["labels"] == ["parcel", "bill", "rest"]
    assert facts["labels_sha256"] == load_labels(settings.labels).sha256
    assert facts["text_rules_sha256"] == rules_sha256()
    assert facts["cut_mail"] is True  # as data/labeled says of its texts
    assert facts["max_length"] == 16
    assert 0.2 <= facts["temperature"] <= 5
    assert facts["teacher"] == "toy"
    assert facts["held_out"]["macro_f1"] > 0.95
    assert facts["held_out"]["teacher_agreement"] > 0.95
    assert facts["parity"]["fp32"]["max_difference"] < 1e-4
    assert facts["parity"]["int8"]["agreement"] > 0.95
    assert sum(facts["held_out"]["support"]) == facts["held_out"]["texts_labeled_by_teacher"]


def test_the_snapshot_is_what_a_server_counts_of_the_held_out_texts(
    trained: tuple[Settings, Manifest], toy: Toy
) -> None:
    settings, manifest = trained
    folder = settings.paths.models / manifest.key
    served = load_predictor(settings.paths.models, manifest.key, threads=1)
    held_out = set(held_out_ids(folder).tolist())
    texts = [row["text"] for row in toy.rows() if row["tweet_id"] in held_out]
    assert len(texts) == metrics(*trained)["held_out"]["texts"] > 20
    answers = served.predict_natural(texts)
    reference = served.facts.reference
    assert reference is not None
    named = [sum(a.label == name for a in answers) for name in ("parcel", "bill", "rest", None)]
    assert list(reference.labels) == named
    for spread, values in (
        (reference.confidence, [a.confidence for a in answers]),
        (reference.tokens, [a.tokens for a in answers]),
    ):
        bins = [spread.bin_of(value) for value in values]
        assert list(spread.counts) == [bins.count(b) for b in range(len(spread.counts))]


def test_student_abstains_about_as_often_as_its_teacher(trained: tuple[Settings, Manifest]) -> None:
    facts = metrics(*trained)
    assert facts["teacher_abstained_share"] == pytest.approx(1 / 8, abs=0.01)
    assert facts["held_out"]["coverage"] == pytest.approx(7 / 8, abs=0.1)


def test_unchanged_rerun_does_nothing_and_imports_no_torch(
    trained: tuple[Settings, Manifest],
) -> None:
    settings, manifest = trained
    before = {p: p.stat().st_mtime_ns for p in settings.paths.models.rglob("*") if p.is_file()}
    code = (
        "import sys, json; from common.config.schema import Settings; from d_training import run;"
        "manifest = run(Settings.model_validate_json(sys.stdin.read()));"
        "print(manifest.key, sorted({'torch', 'transformers', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=settings.model_dump_json(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[0] == f"{manifest.key} []"
    after = {p: p.stat().st_mtime_ns for p in settings.paths.models.rglob("*") if p.is_file()}
    assert after == before


def test_without_labeled_rows_the_remedy_is_named(
    tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    with pytest.raises(DataError, match="run `make classify` first"):
        run(make_settings(tmp_path))


def test_one_label_too_few_is_refused_before_training(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
) -> None:
    rows = [row | {"scores": row["scores"][:2]} for row in toy.rows()]
    publish_labeled(tmp_path, rows)
    with pytest.raises(DataError, match="holds 2 scores a row and the label schema 3 labels"):
        run(make_settings(tmp_path))
    assert production_id(tmp_path / "models") is None
