from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from c_classification.teacher.teacher import Teacher, best_labels, decide, member_weights
from common.config.classification import ClassificationSettings

NAMES = ("bill", "parcel", "rest")


def test_best_label_wins_and_its_score_is_the_confidence() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]], np.float32)
    decided = decide(scores, names=NAMES, threshold=0.5)
    assert decided.labels == ["bill", "rest"]
    np.testing.assert_allclose(decided.confidence, [0.7, 0.7])


def test_below_the_threshold_no_label_is_named_not_even_the_catch_all() -> None:
    scores = np.array([[0.4, 0.35, 0.25], [0.2, 0.3, 0.5]], np.float32)
    decided = decide(scores, names=NAMES, threshold=0.5)
    assert decided.labels == [None, "rest"]
    np.testing.assert_allclose(decided.confidence, [0.4, 0.5])


def test_no_label_ever_scores_below_the_threshold() -> None:
    scores = np.random.default_rng(1).random((500, 3), np.float32)
    decided = decide(scores, names=NAMES, threshold=0.8)
    for label, row in zip(decided.labels, scores, strict=True):
        assert (label is None) == (row.max() < np.float32(0.8))
        assert label in (None, NAMES[int(row.argmax())])


def test_no_texts_no_labels() -> None:
    decided = decide(np.zeros((0, 3), np.float32), names=NAMES, threshold=0.5)
    assert decided.labels == []
    assert decided.confidence.shape == (0,)


class Says:
    """A member that says the same of each text."""

    def __init__(self, *scores: float) -> None:
        self.row = np.array(scores, np.float32)

    def score(self, texts: Any, among: Any = None) -> Any:
        rows = np.tile(self.row, (len(texts), 1))
        return rows if among is None else rows * among / (rows * among).sum(1, keepdims=True)


def test_a_teacher_of_several_says_their_sharpened_mean_and_keeps_what_each_said() -> None:
    teacher = Teacher([Says(0.8, 0.2), Says(0.0, 1.0)], weights=[3, 1])
    scores, by_member = teacher.score(["a", "b"])
    mean = np.array([0.6, 0.4]) ** (1 / 0.85)
    np.testing.assert_allclose(scores, [mean / mean.sum()] * 2, atol=1e-6)
    np.testing.assert_allclose(by_member[:, 0], [[0.8, 0.2], [0.0, 1.0]], atol=1e-6)
    assert by_member.shape == (2, 2, 2)


def test_a_teacher_of_one_says_what_its_member_says() -> None:
    scores, by_member = Teacher([Says(0.9, 0.1)], weights=[7]).score(["a"])
    np.testing.assert_array_equal(scores, by_member[0])


def test_the_members_come_from_settings() -> None:
    assert member_weights(ClassificationSettings(teacher="nli")) == {"nli": 1.0}
    ensemble = ClassificationSettings(teacher="ensemble", ensemble={"nli": 2, "embedding": 1})
    assert member_weights(ensemble) == {"embedding": 1.0, "nli": 2.0}
    alone = ClassificationSettings(teacher="ensemble", ensemble={"nli": 0})
    assert list(member_weights(alone)) == ["embedding"]
    with pytest.raises(ValidationError, match="at least one member"):
        ClassificationSettings(teacher="ensemble", ensemble={"nli": 0, "embedding": 0})


def test_the_first_member_proposes_and_the_others_share_out_what_it_gave() -> None:
    first, second = Says(0.5, 0.1, 0.4), Says(0.2, 0.5, 0.3)
    scores, by_member = Teacher([first, second], weights=[1, 1], shortlist=2).score(["a"])
    # Labels 0 and 2 are proposed with 0.9 together; the second gives them 0.2 to 0.3 of it.
    np.testing.assert_allclose(by_member[1], [[0.36, 0.1, 0.54]], atol=1e-6)
    sharpened = np.array([0.43, 0.1, 0.47]) ** (1 / 0.85)
    np.testing.assert_allclose(scores, [sharpened / sharpened.sum()], atol=1e-6)


def test_a_shortlist_as_long_as_the_labels_asks_about_all() -> None:
    members = [Says(0.5, 0.5), Says(0.1, 0.9)]
    with_list = Teacher(members, weights=[1, 1], shortlist=2).score(["a"]).scores
    np.testing.assert_array_equal(with_list, Teacher(members, weights=[1, 1]).score(["a"]).scores)


def test_the_best_labels_of_each_row_ties_to_the_earlier() -> None:
    scores = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4], [0.2, 0.4, 0.4]], np.float32)
    assert best_labels(scores, count=1).tolist() == [
        [False, True, False], [True, False, False], [False, True, False],
    ]  # fmt: skip
    assert best_labels(scores, count=2).sum(axis=1).tolist() == [2, 2, 2]
