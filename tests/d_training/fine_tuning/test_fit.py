"""Behaviour of the training loop on a task that words separate."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.config.training import TrainingSettings
from common.errors import TriageError
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.fit import Fitted, fit, mean_loss, planned_epochs
from d_training.fine_tuning.learner import Learner
from d_training.fine_tuning.student import Student, load_student, predict, tokenize
from tests.d_training.conftest import Toy

SETTINGS = TrainingSettings(
    epochs=16, learning_rate=2e-3, batch_size=16, freeze_embeddings=False, patience=99
)


def examples(student: Student, toy: Toy, *, every: int, start: int = 0) -> Examples:
    rows = toy.rows(96)[start::every]
    tokens = tokenize(student.tokenizer, [row["text"] for row in rows], max_length=16)
    targets = np.array([row["scores"] for row in rows], np.float32)
    return Examples(tokens, targets)


def trained(
    checkpoint: Path,
    toy: Toy,
    settings: TrainingSettings = SETTINGS,
    seed: int = 3,
    snapshots: Any = None,
) -> tuple[Student, Fitted]:
    student = load_student(checkpoint, toy.names, precision="fp32", seed=seed)
    train, validation = examples(student, toy, every=2), examples(student, toy, every=6, start=1)
    return student, fit(
        student, train, validation, settings=settings, seed=seed, snapshots=snapshots
    )


@pytest.fixture(scope="module")
def learnt(tiny_checkpoint: Path, toy: Toy) -> tuple[Student, Fitted]:
    return trained(tiny_checkpoint, toy)


def test_separable_task_is_learnt(learnt: tuple[Student, Fitted], toy: Toy) -> None:
    student, fitted = learnt
    held_out = examples(student, toy, every=6, start=3)
    correct = predict(student, held_out.tokens).argmax(axis=1) == held_out.targets.argmax(axis=1)
    assert correct.mean() > 0.95
    assert fitted.curve[-1].validation_loss < fitted.curve[0].validation_loss


def test_soft_labels_are_learnt_as_soft(learnt: tuple[Student, Fitted], toy: Toy) -> None:
    student, _ = learnt
    logits = predict(student, examples(student, toy, every=6, start=3).tokens)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    # Seven texts of eight are labeled with 0.9, one with 0.4: hard labels would end above 0.95.
    assert 0.7 < probs.max(axis=1).mean() < 0.92


def test_same_seed_same_weights(
    tiny_checkpoint: Path, learnt: tuple[Student, Fitted], toy: Toy
) -> None:
    again, fitted = trained(tiny_checkpoint, toy)
    tokens = examples(again, toy, every=6, start=3).tokens
    np.testing.assert_array_equal(predict(again, tokens), predict(learnt[0], tokens))
    assert fitted.curve == learnt[1].curve


def test_curve_has_the_looks_asked_for(learnt: tuple[Student, Fitted], toy: Toy) -> None:
    _, fitted = learnt
    # 144 texts make nine steps an epoch, 144 in all; a look every fifth, and at the end.
    assert len(fitted.curve) == 29
    assert fitted.curve[-1].texts == 16 * 144


def test_frozen_embeddings_stay_and_thawed_ones_move(tiny_checkpoint: Path, toy: Toy) -> None:
    for frozen in (True, False):
        settings = SETTINGS.model_copy(update={"epochs": 1, "freeze_embeddings": frozen})
        before = load_student(tiny_checkpoint, toy.names, precision="fp32", seed=3)
        after, _ = trained(tiny_checkpoint, toy, settings)
        same = (
            before.model.get_input_embeddings().weight == after.model.get_input_embeddings().weight
        )
        assert bool(same.all()) is frozen


def test_stops_early_and_keeps_the_best_weights(tiny_checkpoint: Path, toy: Toy) -> None:
    student = load_student(tiny_checkpoint, toy.names, precision="fp32", seed=3)
    train = examples(student, toy, every=2)
    # Validation labels are turned round, so that learning makes its loss worse and worse.
    validation = examples(student, toy, every=6, start=1)
    validation = validation._replace(targets=np.roll(validation.targets, 1, axis=1))
    settings = SETTINGS.model_copy(update={"epochs": 20, "patience": 2})
    fitted = fit(student, train, validation, settings=settings, seed=3)
    assert fitted.stopped_early
    assert len(fitted.curve) == fitted.best + 3
    assert mean_loss(student, validation) == pytest.approx(
        fitted.curve[fitted.best].validation_loss, abs=1e-5
    )


def test_interrupted_training_goes_on_to_the_same_weights(
    tiny_checkpoint: Path,
    learnt: tuple[Student, Fitted],
    toy: Toy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = SETTINGS.model_copy(update={"snapshot_every_s": 0})
    whole = Learner.learn

    def fails(self: Learner, *args: Any, step: int) -> float:
        if step == 63:
            raise InterruptedError
        return whole(self, *args, step=step)

    with monkeypatch.context() as patched, pytest.raises(InterruptedError):
        patched.setattr(Learner, "learn", fails)
        trained(tiny_checkpoint, toy, settings, snapshots=tmp_path)
    assert [path.name[:10] for path in tmp_path.iterdir()] == ["000000062-"]

    done: list[int] = []

    def counts(self: Learner, *args: Any, step: int) -> float:
        done.append(step)
        return whole(self, *args, step=step)

    monkeypatch.setattr(Learner, "learn", counts)
    student, fitted = trained(tiny_checkpoint, toy, settings, snapshots=tmp_path)
    assert done == list(range(63, 145))
    assert fitted.curve == learnt[1].curve
    tokens = examples(student, toy, every=6, start=3).tokens
    np.testing.assert_array_equal(predict(student, tokens), predict(learnt[0], tokens))


@pytest.mark.parametrize(
    ("texts", "budget", "epochs"),
    [(1_000, None, 8), (1_000, 18_000, 8), (6_000, 18_000, 3), (50_000, 18_000, 1)],
)
def test_few_texts_get_more_epochs_from_a_budget(
    texts: int, budget: int | None, epochs: int
) -> None:
    assert planned_epochs(texts, TrainingSettings(epochs=8, text_budget=budget)) == epochs


def test_a_diverged_training_is_no_model(tiny_checkpoint: Path, toy: Toy) -> None:
    wild = SETTINGS.model_copy(update={"learning_rate": float("inf")})
    with pytest.raises(TriageError, match="diverged: the validation loss is nan; lower training"):
        trained(tiny_checkpoint, toy, wild)
