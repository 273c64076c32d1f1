"""A toy task that is separable by its words, as labeled rows, as settings, as a trained model."""

import random
import shutil
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.stage.manifest import Manifest, RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage

LABELS = """
catch_all: rest
labels:
  - name: parcel
    description: an order that is late
    hypotheses: [The parcel is late.]
    keywords: [parcel, order, not arrived]
  - name: bill
    description: money was taken
    hypotheses: [The bill is wrong.]
    keywords: [bill, refund, charged]
  - name: rest
    description: all else
    hypotheses: [It is about nothing.]
    keywords: [thanks]
"""
NAMES = ("parcel", "bill", "rest")
WORDS = {
    "parcel": ("parcel late", "order not arrived", "parcel not arrived", "order late"),
    "bill": ("bill wrong", "charged twice", "refund the bill", "charged the refund"),
    "rest": ("thanks", "thanks you", "help please", "please thanks"),
}
_BEFORE = ("my", "the", "i", "you", "it is", "brand", "user", "a")
_AFTER = ("", "to you", "and it", "was a", "!", "is it", "a user")


def toy_rows(per_label: int = 160) -> list[dict[str, Any]]:
    """Texts of three labels with sure soft labels; every eighth asks, and is not so sure."""
    rows = []
    for k, name in enumerate(NAMES):
        texts = [
            " ".join(f"{b} {w} {a} {x}".split())
            for x, b, a, w in product(("", "was", "to it"), _BEFORE, _AFTER, WORDS[name])
        ]
        texts = sorted(set(texts))
        random.Random(k).shuffle(texts)
        for n, text in enumerate(texts[:per_label]):
            sure = n % 8 > 0
            scores = [0.05 if sure else 0.3] * 3
            scores[k] = 0.9 if sure else 0.4
            text += "" if sure else " ?"
            rows.append({"text": text, "label": name if sure else None, "scores": scores})
    random.Random(9).shuffle(rows)
    return [{"tweet_id": i, "conversation_id": 1000 + i // 2, **row} for i, row in enumerate(rows)]


def write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    schema = pa.schema(
        [
            ("tweet_id", pa.int64()),
            ("conversation_id", pa.int64()),
            ("text", pa.string()),
            ("label", pa.string()),
            ("scores", pa.list_(pa.float32())),
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


class Toy(NamedTuple):
    """What tests need of the toy task."""

    names: tuple[str, ...] = NAMES
    rows: Callable[..., list[dict[str, Any]]] = toy_rows


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="session")
def publish_labeled() -> Callable[[Path, Sequence[dict[str, Any]]], None]:
    """Publishes data/labeled below a run folder, as stage c does."""

    def publish(run_dir: Path, rows: Sequence[dict[str, Any]]) -> None:
        def build(folder: Path) -> Built:
            write_parquet(folder / "messages" / "part-0.parquet", rows)
            return Built(
                RowCounts.model_validate({"in": len(rows), "out": len(rows)}),
                {"teacher": "toy", "cut_mail": True},
            )

        plan = plan_stage("c_classification", code=(), settings=list(rows), inputs=[])
        run_stage(plan, output=run_dir / "data" / "labeled", build=build)

    return publish


@pytest.fixture(scope="session")
def make_settings(tiny_checkpoint: Path) -> Callable[..., Settings]:
    """Settings that train the tiny checkpoint on a run folder's rows in a second or two."""

    def make(run_dir: Path, **training: Any) -> Settings:
        labels = run_dir / "labels.yaml"
        labels.write_text(LABELS, encoding="utf-8")
        quick = {
            "student": str(tiny_checkpoint),
            "epochs": 16,
            "learning_rate": 2e-3,
            "batch_size": 16,
            "freeze_embeddings": False,
            "max_length": 16,
            "precision": "fp32",
            "validation_share": 0.2,
            "test_share": 0.2,
            "min_int8_speedup": 0.01,  # of so small a model INT8 is the slower one
        }
        return Settings(
            run_dir=run_dir, labels=labels, training=TrainingSettings(**(quick | training))
        )

    return make


@pytest.fixture(scope="session")
def _trained(
    tmp_path_factory: pytest.TempPathFactory,
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    make_settings: Callable[..., Settings],
) -> tuple[Settings, Manifest]:
    """A run folder in which the toy task was trained and promoted; only copies leave this file."""
    from d_training import run

    run_dir = tmp_path_factory.mktemp("run")
    publish_labeled(run_dir, toy_rows())
    settings = make_settings(run_dir)
    return settings, run(settings)


def _copied(settings: Settings, folder: Path) -> Settings:
    """The same settings on a copy of their run folder, so that no test sees another's traces."""
    shutil.copytree(settings.run_dir, folder, symlinks=True)
    return settings.model_copy(update={"run_dir": folder, "labels": folder / "labels.yaml"})


@pytest.fixture()
def trained(_trained: tuple[Settings, Manifest], tmp_path: Path) -> tuple[Settings, Manifest]:
    """A run folder in which the toy task was trained and promoted, and the model's manifest."""
    settings, manifest = _trained
    return _copied(settings, tmp_path / "trained"), manifest


@pytest.fixture(scope="session")
def _two_trained(
    tmp_path_factory: pytest.TempPathFactory,
    _trained: tuple[Settings, Manifest],
    make_settings: Callable[..., Settings],
) -> tuple[Settings, Settings]:
    """A copy of ``_trained`` beside whose model lies one that has learnt little and was killed
    before the gate judged it."""
    from d_training import run

    folder = tmp_path_factory.mktemp("two") / "run"
    shutil.copytree(_trained[0].run_dir, folder, symlinks=True)
    poor = make_settings(folder, epochs=1, learning_rate=1e-5)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("d_training.stage.deploy", lambda *_, **__: None)
        run(poor)
    return make_settings(folder), poor


class Two(NamedTuple):
    """Settings of two models of one run folder, and their ids; the good one serves."""

    good: Settings
    poor: Settings
    models: Path
    good_id: str
    poor_id: str


@pytest.fixture()
def two(
    _two_trained: tuple[Settings, Settings], _trained: tuple[Settings, Manifest], tmp_path: Path
) -> Two:
    """A copy of both models, to be judged and moved."""
    good = _copied(_two_trained[0], tmp_path / "run")
    poor = _two_trained[1].model_copy(update={"run_dir": good.run_dir, "labels": good.labels})
    good_id = _trained[1].key
    ids = {path.parent.name for path in good.paths.models.glob("*/manifest.json")}
    (poor_id,) = ids - {good_id}
    return Two(good, poor, good.paths.models, good_id, poor_id)
