"""One step is the same however its batch is parted; its state goes into a snapshot and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common.config.training import TrainingSettings
from common.onnx.precision import Precision
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.learner import Learner
from d_training.fine_tuning.processes import ALONE
from d_training.fine_tuning.student import load_student, tokenize
from tests.d_training.conftest import Toy

SETTINGS = TrainingSettings(learning_rate=1e-2, warmup_share=0.2, freeze_embeddings=False)


def learner(
    checkpoint: Path,
    *,
    precision: Precision = "fp32",
    dropout: bool = True,
    steps: int = 10,
    **changed: Any,
) -> Learner:
    student = load_student(checkpoint, ("parcel", "bill", "rest"), precision=precision, seed=1)
    student.model.train(dropout)
    settings = SETTINGS.model_copy(update=changed)
    return Learner(student, settings, steps=steps, seed=5, processes=ALONE)


@pytest.fixture(scope="module")
def examples(tiny_checkpoint: Path, toy: Toy) -> Examples:
    rows = toy.rows(30)
    student = load_student(tiny_checkpoint, toy.names, precision="fp32", seed=1)
    tokens = tokenize(student.tokenizer, [row["text"] for row in rows], max_length=16)
    return Examples(tokens, np.array([row["scores"] for row in rows], np.float32))


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_accumulated_parts_equal_the_big_batch(
    tiny_checkpoint: Path, examples: Examples, parts: int
) -> None:
    batch = np.arange(7)  # in parts of 4 and 3, of 3, 2 and 2, of 1 (and nine of none)
    whole = learner(tiny_checkpoint, dropout=False)
    parted = learner(tiny_checkpoint, dropout=False, gradient_accumulation=parts)
    for step in (1, 2):
        losses = [one.learn(examples, batch, step=step) for one in (whole, parted)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    for name, weight in whole.weights().items():
        torch.testing.assert_close(parted.weights()[name], weight, atol=2e-4, rtol=0)


def test_learning_rate_rises_then_falls(tiny_checkpoint: Path) -> None:
    one = learner(tiny_checkpoint)
    rates = [one.learning_rate(step) for step in range(1, 11)]
    expected = [0.5, 1, *(ninths / 9 for ninths in range(8, 0, -1))]
    assert rates == pytest.approx([0.01 * share for share in expected])


def test_half_precision_learns_with_a_scaled_loss(
    tiny_checkpoint: Path, examples: Examples
) -> None:
    half = learner(tiny_checkpoint, precision="fp16", steps=60)
    batch = np.arange(32)
    losses = [half.learn(examples, batch, step=step) for step in range(1, 61)]
    assert losses[-1] < losses[0] - 0.3
    assert half.scale()["scale"] >= 1024
    assert all(weight.isfinite().all() for weight in half.weights().values())
    assert learner(tiny_checkpoint).scale() == {}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_restored_learner_learns_the_same(
    tiny_checkpoint: Path, examples: Examples, precision: Precision
) -> None:
    one, other = (learner(tiny_checkpoint, precision=precision) for _ in range(2))
    for step in (1, 2, 3):
        one.learn(examples, np.arange(8), step=step)
    other.restore({name: t.clone() for name, t in one.tensors().items()}, one.scale())
    losses = [each.learn(examples, np.arange(8, 16), step=4) for each in (one, other)]
    assert losses[0] == losses[1]
    for name, weight in one.weights().items():
        assert torch.equal(other.weights()[name], weight)
    assert one.scale() == other.scale()


def test_the_head_is_faster_than_the_body(tiny_checkpoint: Path, examples: Examples) -> None:
    one = learner(tiny_checkpoint, dropout=False)
    before = one.weights()
    one.learn(examples, np.arange(8), step=2)  # at the full rate of 0.01; Adam's first step is it
    moved = {name: (weight - before[name]).abs().max() for name, weight in one.weights().items()}
    assert moved["classifier.bias"] == pytest.approx(0.1, rel=1e-3)
    assert moved["bert.pooler.dense.bias"] == pytest.approx(0.01, rel=1e-3)
