import json
import re
import subprocess

import numpy as np
import pytest

from common.errors import TriageError
from common.models.registry import MODEL_INT8
from common.onnx.model import OnnxModel
from d_training.export.compare import optimize
from d_training.export.onnx import (
    check_parity,
    code_commit,
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
def exported(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    student = load_student(tiny_checkpoint, ("a", "b", "c"), precision="bf16", seed=1)
    export_student(student, folder, facts=FACTS)
    return student, folder


def test_onnx_computes_what_torch_does(exported):
    student, folder = exported
    tokens = tokenize(student.tokenizer, TEXTS, max_length=8)
    expected = predict(student.exact(), tokens)
    fp32 = onnx_logits(folder, TEXTS, model="model.onnx", max_length=8)
    np.testing.assert_allclose(fp32, expected, atol=1e-5)
    int8 = onnx_logits(folder, TEXTS, model=MODEL_INT8, max_length=8)
    assert 0 < np.abs(int8 - expected).max() < 0.1


@pytest.mark.parametrize("name", ["model.onnx", "optimized.onnx", MODEL_INT8])
def test_every_file_carries_the_facts(exported, name, tmp_path):
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


def test_checkpoint_is_plain_and_holds_safetensors_alone(exported):
    from transformers import AutoModelForSequenceClassification

    _, folder = exported
    model = AutoModelForSequenceClassification.from_pretrained(folder / "checkpoint")
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    weights = [p.name for p in (folder / "checkpoint").iterdir() if p.stat().st_size > 20_000]
    assert weights == ["model.safetensors"]


def test_parity_counts_differences_and_labels():
    torch = np.array([[2.0, 0.0], [0.0, 2.0], [0.1, 0.0]], np.float32)
    int8 = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.1]], np.float32)
    found = check_parity(torch=torch, fp32=torch, int8=int8, temperature=1.0)
    assert found["fp32"] == (0.0, 1.0)
    assert found["int8"].agreement == pytest.approx(2 / 3)
    # softmax of a difference of 0.1 is 0.525, and turned round 0.475.
    assert found["int8"].max_difference == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("wrong", [0.02, float("nan")])
def test_export_that_strays_is_refused(wrong):
    torch = np.array([[2.0, 0.0]], np.float32)
    with pytest.raises(TriageError, match="strays from the torch model by .* not published"):
        check_parity(
            torch=torch,
            fp32=torch + np.array([[wrong, 0]], np.float32),
            int8=torch,
            temperature=1.0,
        )


def test_commit_is_that_of_the_code_and_says_where_files_differ(tmp_path, monkeypatch):
    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    monkeypatch.setattr("d_training.export.onnx._ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_commit() == "unknown"
    (tmp_path / "code.py").write_text("1")
    git("init", "-q")
    git("add", "code.py")
    git("commit", "-q", "-m", "a")
    git("tag", "-a", "v1", "-m", "a")
    digest = git("rev-parse", "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", digest)
    assert code_commit() == digest
    (tmp_path / "code.py").write_text("2")
    assert code_commit() == f"{digest}-dirty"
