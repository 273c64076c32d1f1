import numpy as np

from c_classification.teacher import decide

NAMES = ("bill", "parcel", "rest")


def test_best_label_wins_and_its_score_is_the_confidence():
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]], np.float32)
    decided = decide(scores, names=NAMES, threshold=0.5)
    assert decided.labels == ["bill", "rest"]
    np.testing.assert_allclose(decided.confidence, [0.7, 0.7])


def test_below_the_threshold_no_label_is_named_not_even_the_catch_all():
    scores = np.array([[0.4, 0.35, 0.25], [0.2, 0.3, 0.5]], np.float32)
    decided = decide(scores, names=NAMES, threshold=0.5)
    assert decided.labels == [None, "rest"]
    np.testing.assert_allclose(decided.confidence, [0.4, 0.5])


def test_no_label_ever_scores_below_the_threshold():
    scores = np.random.default_rng(1).random((500, 3), np.float32)
    decided = decide(scores, names=NAMES, threshold=0.8)
    for label, row in zip(decided.labels, scores, strict=True):
        assert (label is None) == (row.max() < np.float32(0.8))
        assert label in (None, NAMES[int(row.argmax())])


def test_no_texts_no_labels():
    decided = decide(np.zeros((0, 3), np.float32), names=NAMES, threshold=0.5)
    assert decided.labels == []
    assert decided.confidence.shape == (0,)
