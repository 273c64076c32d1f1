from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from common import metrics
from d_training.evaluation.hand_labels import (
    compare_with_hand_labels,
    curve_sizes,
    hand_label_curve,
    stratified,
)


def clouds(
    texts: Any, labels: int = 3, width: int = 16, noise: float = 0.4, seed: int = 0
) -> tuple[Any, Any]:
    """Labeled unit vectors around one centre a label; the more noise, the harder."""
    rng = np.random.default_rng(seed)
    truth = np.arange(texts) % labels
    centres = rng.normal(size=(labels, width))
    vectors = centres[truth] + noise * rng.normal(size=(texts, width)) * width**0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        (12, []),
        (13, [10]),
        (100, [10, 25, 50, 80]),
        (410, [10, 25, 50, 100, 200, 328]),
        (505, [10, 25, 50, 100, 200, 404]),  # 400 beside 404 tells nothing new
        (2_000, [10, 25, 50, 100, 200, 400, 800, 1_600]),
        (50_000, [10, 25, 50, 100, 200, 400, 800, 1_600]),
    ],
)
def test_sizes_end_at_80_percent_of_the_gold_or_at_1600(texts: int, sizes: list[Any]) -> None:
    assert curve_sizes(texts) == sizes


def test_each_label_gets_its_share_of_a_draw() -> None:
    truth = np.array([0] * 60 + [1] * 30 + [2] * 10)
    rng = np.random.default_rng(3)
    drawn = [stratified(truth, 20, rng) for _ in range(50)]
    for rows in drawn:
        assert len(set(rows.tolist())) == 20
        assert np.bincount(truth[rows]).tolist() == [12, 6, 2]
    # Every text has its turn.
    assert set(np.concatenate(drawn).tolist()) == set(range(100))


def test_more_labels_are_worth_more_and_draws_are_seeded() -> None:
    vectors, truth = clouds(400)
    curve = hand_label_curve(vectors, truth, labels=3, seed=5)
    assert [point.labels for point in curve] == [10, 25, 50, 100, 200, 320]
    assert {point.repeats for point in curve} == {10}
    assert curve[0].macro_f1 + 0.1 < curve[-1].macro_f1 <= 1
    assert all(0 < point.standard_deviation < 0.3 for point in curve)
    assert hand_label_curve(vectors, truth, labels=3, seed=5) == curve
    assert hand_label_curve(vectors, truth, labels=3, seed=6) != curve


def test_rows_that_were_trained_on_are_not_scored() -> None:
    """Labels at random can be learnt by heart and yet not be told for other texts."""
    vectors, _ = clouds(400, width=384)
    truth = np.random.default_rng(1).integers(0, 3, 400)
    curve = hand_label_curve(vectors, truth, labels=3, seed=5)
    assert all(0.2 < point.macro_f1 < 0.45 for point in curve)


def test_fewest_labels_that_reach_the_score_are_named() -> None:
    vectors, truth = clouds(100)
    curve = hand_label_curve(vectors, truth, labels=3, seed=5)
    found = compare_with_hand_labels(vectors, truth, score=curve[1].macro_f1, labels=3, seed=5)
    assert found is not None
    assert list(found.points) == curve
    assert found.worth == 25
    assert "no such label is used for teacher or student" in found.method
    beaten = compare_with_hand_labels(vectors, truth, score=1.01, labels=3, seed=5)
    assert beaten is not None
    assert beaten.worth is None


def test_tiny_gold_and_gold_of_one_label() -> None:
    vectors, truth = clouds(12)
    assert compare_with_hand_labels(vectors, truth, score=0.5, labels=3, seed=5) is None
    vectors, truth = clouds(20)
    found = compare_with_hand_labels(vectors, truth * 0, score=0.5, labels=3, seed=5)
    assert found is not None
    assert [point.macro_f1 for point in found.points] == [1.0, 1.0]


def test_many_labels_and_texts_cost_no_more_than_2000_scored_and_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[int] = []
    threads: set[int] = set()

    def score(truth: NDArray[np.int64], predicted: NDArray[np.int64], *, labels: int) -> float:
        scored.append(len(truth))
        threads.update(pool["num_threads"] for pool in threadpool_info())
        return metrics.macro_f1_score(truth, predicted, labels=labels)

    monkeypatch.setattr("d_training.evaluation.hand_labels.macro_f1_score", score)
    vectors, truth = clouds(2_050, labels=77)
    with threadpool_limits(2):
        curve = hand_label_curve(vectors, truth, labels=77, seed=5)
    assert [point.labels for point in curve] == [10, 25, 50, 100, 200, 400, 800, 1_600]
    # All but the drawn texts are scored, and 2,000 at most.
    assert scored[::10] == [2_000, 2_000, 2_000, 1_950, 1_850, 1_650, 1_250, 450]
    assert len(scored) == 80
    assert threads == {1}
