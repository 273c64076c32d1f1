from pathlib import Path

import numpy as np
import pytest

from d_training.fine_tuning.student import (
    Student,
    like_length_batches,
    load_student,
    pad,
    predict,
    tokenize,
)

TEXTS = ["thanks", "my parcel is late and it is not arrived", "the app is broken", "thanks"]


@pytest.fixture(scope="module")
def student(tiny_checkpoint: Path) -> Student:
    return load_student(tiny_checkpoint, ("a", "b", "c"), precision="fp32", seed=1)


def test_tokens_are_cut_and_padded_to_the_longest(student: Student) -> None:
    tokens = tokenize(student.tokenizer, TEXTS, max_length=5)
    assert [len(ids) for ids in tokens] == [3, 5, 5, 3]
    ids, mask = pad([[7, 8], [9]], pad_id=4)
    assert ids.tolist() == [[7, 8], [9, 4]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    assert tokenize(student.tokenizer, [], max_length=5) == []


def test_batches_hold_neighbours_in_length() -> None:
    tokens = [[0] * n for n in (5, 1, 4, 2, 3)]
    assert [b.tolist() for b in like_length_batches(tokens, size=2)] == [[1, 3], [4, 2], [0]]


def test_predictions_keep_the_order_and_ignore_neighbours(student: Student) -> None:
    tokens = tokenize(student.tokenizer, TEXTS, max_length=16)
    together = predict(student, tokens)
    alone = np.concatenate([predict(student, [ids]) for ids in tokens])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together[0], together[3], atol=1e-6)
    assert together.shape == (4, 3)


def test_seed_decides_the_new_head_and_the_labels_are_named(
    student: Student, tiny_checkpoint: Path
) -> None:
    same = load_student(tiny_checkpoint, ("a", "b", "c"), precision="fp32", seed=1)
    other = load_student(tiny_checkpoint, ("a", "b", "c"), precision="fp32", seed=2)
    head = student.model.classifier.weight
    assert (same.model.classifier.weight == head).all()
    assert (other.model.classifier.weight != head).any()
    assert student.model.config.id2label == {0: "a", 1: "b", 2: "c"}


def test_bfloat16_stays_near_float32(student: Student, tiny_checkpoint: Path) -> None:
    rough = load_student(tiny_checkpoint, ("a", "b", "c"), precision="bf16", seed=1)
    tokens = tokenize(student.tokenizer, TEXTS, max_length=16)
    difference = np.abs(predict(rough, tokens) - predict(student, tokens)).max()
    assert 0 < difference < 0.05
    assert np.abs(predict(rough.exact(), tokens) - predict(student, tokens)).max() == 0
