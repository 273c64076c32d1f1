"""A teacher on a GPU, with the CPU under its name: nothing is exported, and the labels agree."""

from pathlib import Path

import numpy as np
import pytest
import torch

from c_classification.labeling.shards import engine
from c_classification.teacher.describe import describe_teacher
from c_classification.teacher.teacher import load_teacher, prepare_teacher
from common.config.classification import (
    ClassificationSettings,
    EmbeddingSettings,
    EnsembleSettings,
    NliSettings,
)
from common.config.schema import Settings
from common.config.spark import SparkSettings
from common.labels import load_labels
from common.onnx.device import Choice

TEXTS = ["my parcel not arrived", "charged twice", "thanks user", "the app crashes", "the bill"]


@pytest.fixture()
def _cpu_as_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"cuda": torch.device("cpu"), "cpu": torch.device("cpu")}
    for module in ("common.onnx.torch_model", "c_classification.teacher.tuning"):
        monkeypatch.setattr(f"{module}.torch_device", asked.__getitem__)


@pytest.fixture()
def chosen(tiny_checkpoint: Path, tmp_path: Path) -> ClassificationSettings:
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path / "nli"
    names = ["entailment", "not_entailment"]
    config = BertConfig.from_pretrained(
        tiny_checkpoint, initializer_range=0.4, id2label=dict(enumerate(names)),
        label2id={name: k for k, name in enumerate(names)},
    )  # fmt: skip
    torch.manual_seed(3)
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(folder)
    return ClassificationSettings(
        teacher="ensemble",
        ensemble=EnsembleSettings(embedding=0.5, nli=0.5, shortlist=2),
        embedding=EmbeddingSettings(checkpoint=str(tiny_checkpoint), int8=False, tune_steps=2),
        nli=NliSettings(checkpoint="embedded", gpu_checkpoint=str(folder), int8=True),
    )


@pytest.mark.usefixtures("_cpu_as_gpu")
def test_a_gpu_labels_as_a_cpu_but_for_the_last_digits(
    settings: Settings, chosen: ClassificationSettings, tmp_path: Path
) -> None:
    schema = load_labels(settings.labels)
    on_gpu = chosen.on("cuda")
    spec = prepare_teacher(on_gpu, schema, cache=tmp_path / "gpu", device="cuda")
    assert spec.device == "cuda"
    assert not (tmp_path / "gpu" / "onnx").exists()
    ours = load_teacher(spec, threads=1).score(TEXTS)

    exact = on_gpu.model_copy(update={"nli": on_gpu.nli.model_copy(update={"int8": False})})
    spec = prepare_teacher(exact, schema, cache=tmp_path / "cpu", device="cpu")
    theirs = load_teacher(spec, threads=1).score(TEXTS)
    np.testing.assert_allclose(ours.by_member, theirs.by_member, atol=0.02)
    np.testing.assert_allclose(ours.scores.sum(axis=1), 1, atol=1e-5)
    assert np.ptp(theirs.by_member[1], axis=0).min() > 0.05  # NLI does tell the texts apart


def test_one_worker_feeds_a_gpu() -> None:
    spark = SparkSettings(master="local[8]")
    assert engine(spark, "cuda").master == "local[1]"
    assert engine(spark, "cpu").master == "local[8]"
    cluster = SparkSettings(master="spark://head:7077")
    assert engine(cluster, "cuda") == cluster


def test_the_line_names_checkpoints_device_and_reason() -> None:
    chosen = ClassificationSettings(
        teacher="ensemble", nli=NliSettings(checkpoint="small", gpu_checkpoint="large")
    )
    on_cpu = describe_teacher(chosen.on("cpu"), Choice("cpu", "torch finds no GPU"))
    assert on_cpu == (
        "teacher: embedding minilm-wheel (weight 0.85) and nli small (weight 0.15), on the CPU "
        "(torch finds no GPU)"
    )
    alone = chosen.model_copy(update={"teacher": "nli"})
    assert describe_teacher(alone.on("cuda"), Choice("cuda", "torch finds A GPU")) == (
        "teacher: nli large, on a GPU, in half precision (torch finds A GPU)"
    )
