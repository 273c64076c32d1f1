import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import TriageError
from common.models.registry import MODEL_INT8
from common.onnx.model import OnnxModel
from d_training.export.compare import optimize
from d_training.export.onnx import (
    check_parity,
    export_student,
    onnx_logits,
)
from d_training.fine_tuning.student import load_student, predict, tokenize

TEXTS = ["thanks", "my parcel is late and it is not arrived", "the app is broken", ""]
FACTS = {
    "model_id": "0123456789ab",
    "created_at": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
    "labels": ("a", "b", "c"),
    "temperature": 1.5,
}


@pytest.fixture(scope="module")
def exported(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("model")
    student = load_student(tiny_checkpoint, ("a", "b", "c"), precision="bf16", seed=1)
    export_student(student, folder, metadata=FACTS)
    return student, folder


def test_onnx_computes_what_torch_does(exported: tuple[Any, Path]) -> None:
    student, folder = exported
    tokens = tokenize(student.tokenizer, TEXTS, max_length=8)
    expected = predict(student.exact(), tokens)
    fp32 = onnx_logits(folder, TEXTS, model="model.onnx", max_length=8)
    np.testing.assert_allclose(fp32, expected, atol=1e-5)
    int8 = onnx_logits(folder, TEXTS, model=MODEL_INT8, max_length=8)
    assert 0 < np.abs(int8 - expected).max() < 0.1


@pytest.mark.parametrize("name", ["model.onnx", "optimized.onnx", MODEL_INT8])
def test_every_file_carries_the_facts(
    exported: tuple[Any, Path], name: Any, tmp_path: Path
) -> None:
    _, folder = exported
    file = folder / name
    if name == "optimized.onnx":
        file = tmp_path / name
        optimize(folder / "model.onnx", file)
    model = OnnxModel(file, folder / "tokenizer.json", max_length=8, threads=1)
    assert model.metadata["commit"] == "abc"
    assert model.metadata["created_at"] == "2026-01-02T03:04:05+00:00"
    assert model.metadata["model_id"] == "0123456789ab"
    assert json.loads(model.metadata["labels"]) == ["a", "b", "c"]
    assert json.loads(model.metadata["temperature"]) == 1.5


def test_checkpoint_is_plain_and_holds_safetensors_alone(exported: tuple[Any, Path]) -> None:
    from transformers import AutoModelForSequenceClassification

    _, folder = exported
    model = AutoModelForSequenceClassification.from_pretrained(folder / "checkpoint")
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    weights = [p.name for p in (folder / "checkpoint").iterdir() if p.stat().st_size > 20_000]
    assert weights == ["model.safetensors"]


def test_parity_counts_differences_and_labels() -> None:
    torch = np.array([[2.0, 0.0], [0.0, 2.0], [0.1, 0.0]], np.float32)
    int8 = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.1]], np.float32)
    found = check_parity(torch=torch, fp32=torch, int8=int8, temperature=1.0)
    assert (found["fp32"].max_difference, found["fp32"].agreement) == (0.0, 1.0)
    assert found["int8"].agreement == pytest.approx(2 / 3)
    # softmax of a difference of 0.1 is 0.525, and turned round 0.475.
    assert found["int8"].max_difference == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("wrong", [0.02, float("nan")])
def test_export_that_strays_is_refused(wrong: float) -> None:
    torch = np.array([[2.0, 0.0]], np.float32)
    with pytest.raises(TriageError, match="strays from the torch model by .* not published"):
        check_parity(
            torch=torch,
            fp32=torch + np.array([[wrong, 0]], np.float32),
            int8=torch,
            temperature=1.0,
        )
