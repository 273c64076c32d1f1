from typing import Any

import numpy as np
import pytest

from common.metrics import (
    accuracy,
    calibration_bins,
    confusion_matrix,
    coverage_curve,
    expected_calibration_error,
    f1_intervals,
    macro_f1,
    macro_f1_interval,
    paired_differences,
    per_label,
    share_interval,
    soft_cross_entropy,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 2, 2, 2])
CONFUSION = np.array([[3, 1, 0], [0, 1, 1], [0, 0, 2]])


def test_confusion_has_truth_down_and_prediction_across() -> None:
    assert confusion_matrix(TRUTH, PREDICTED, labels=3).tolist() == CONFUSION.tolist()


def test_figures_of_each_label() -> None:
    figures = per_label(CONFUSION)
    np.testing.assert_allclose(figures.precision, [1.0, 0.5, 2 / 3])
    np.testing.assert_allclose(figures.recall, [0.75, 0.5, 1.0])
    np.testing.assert_allclose(figures.f1, [6 / 7, 0.5, 0.8])
    assert figures.support.tolist() == [4, 2, 2]


def test_one_row_is_enough_for_a_ratio() -> None:
    figures = per_label(np.array([[1, 1], [0, 0]]))
    assert figures.precision.tolist() == [1.0, 0.0]
    assert figures.recall.tolist() == [0.5, 0.0]
    once = per_label(np.diag([1, 1]))
    assert (once.precision.tolist(), once.recall.tolist()) == ([1.0, 1.0], [1.0, 1.0])


def test_accuracy_and_macro_f1() -> None:
    assert accuracy(CONFUSION) == 0.75
    assert macro_f1(CONFUSION) == pytest.approx((6 / 7 + 0.5 + 0.8) / 3)


def test_label_that_never_occurs_is_not_averaged_but_one_never_hit_is() -> None:
    absent = np.array([[2, 0, 0], [0, 3, 0], [0, 0, 0]])
    assert macro_f1(absent) == 1.0
    only_predicted = np.array([[2, 0, 1], [0, 3, 0], [0, 0, 0]])
    assert macro_f1(only_predicted) == pytest.approx((0.8 + 1.0 + 0.0) / 3)
    assert per_label(absent).f1.tolist() == [1.0, 1.0, 0.0]


def test_many_confusion_matrices_at_once() -> None:
    perfect = np.diag([4, 2, 2])
    np.testing.assert_allclose(macro_f1(np.stack([perfect, CONFUSION])), [1.0, 0.7190476190])


def test_interval_of_a_perfect_or_hopeless_system_is_a_point() -> None:
    assert macro_f1_interval(np.diag([5, 5]), seed=1) == (1.0, 1.0)
    assert macro_f1_interval(np.array([[0, 5], [5, 0]]), seed=1) == (0.0, 0.0)


def test_interval_is_seeded_and_narrows_with_the_rows() -> None:
    low, high = macro_f1_interval(CONFUSION * 25, seed=3)
    assert macro_f1_interval(CONFUSION * 25, seed=3) == (low, high)
    assert low < 0.719 < high
    narrow = macro_f1_interval(CONFUSION * 2500, seed=3)
    assert (narrow[1] - narrow[0]) * 8 < high - low < 0.16


def test_interval_agrees_with_drawing_rows_one_by_one() -> None:
    rows = np.random.default_rng(0).integers(0, 200, size=(2_000, 200))
    truth, predicted = (
        np.repeat([0, 0, 1, 1], [80, 20, 30, 70]),
        np.repeat([0, 1, 0, 1], [80, 20, 30, 70]),
    )
    drawn = [
        macro_f1(confusion_matrix(truth[sample], predicted[sample], labels=2)) for sample in rows
    ]
    expected = np.percentile(drawn, [2.5, 97.5])
    interval = macro_f1_interval(np.array([[80, 20], [30, 70]]), seed=0)
    np.testing.assert_allclose(interval, expected, atol=0.01)


def test_calibration_error_of_two_bins() -> None:
    # Three texts at 0.9 of which two are right, one at 0.5 that is right: (3*|.9-.667|+.5)/4.
    confidence = np.array([0.9, 0.9, 0.9, 0.5])
    correct = np.array([True, True, False, True])
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.3)


def test_edges_of_bins_belong_to_the_lower_one() -> None:
    bins = calibration_bins(np.array([0.0, 0.5, 0.51, 1.0]), np.array([True] * 4), bins=2)
    assert bins.rows.tolist() == [2, 2]
    empty = calibration_bins(np.array([0.2]), np.array([True]), bins=2)
    assert np.isnan(empty.accuracy[1])


def test_most_confident_rows_and_their_accuracy() -> None:
    confidence = np.array([0.5, 0.9, 0.7, 0.8])
    correct = np.array([False, True, True, False])
    assert coverage_curve(confidence, correct, (1.0, 0.75, 0.5, 0.25, 0.01)) == [
        (1.0, 0.5, 0.5),
        (0.75, 0.7, pytest.approx(2 / 3)),
        (0.5, 0.8, 0.5),
        (0.25, 0.9, 1.0),
        (0.01, 0.9, 1.0),
    ]


def test_order_of_equally_confident_rows_changes_nothing() -> None:
    confidence = np.array([0.9, 0.6, 0.6, 0.6, 0.6])
    for correct in ([True, True, False, False, False], [True, False, False, False, True]):
        # Two of five: the sure one, and a quarter of a right one among the other four.
        (found,) = coverage_curve(confidence, np.array(correct), (0.4,))
        assert (found.coverage, found.threshold) == (0.4, 0.6)
        assert found.accuracy == pytest.approx(1.25 / 2)


def test_soft_cross_entropy() -> None:
    targets = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert soft_cross_entropy(targets, targets) == pytest.approx(np.log(2) / 2)
    certain_and_wrong = soft_cross_entropy(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]))
    assert certain_and_wrong == pytest.approx(87.3, abs=0.1)


def test_calibration_may_be_held_against_soft_labels() -> None:
    # One bin: confidence 0.6, credit (0.8 + 0.6) / 2.
    error = expected_calibration_error(np.array([0.6, 0.6]), np.array([0.8, 0.6]))
    assert error == pytest.approx(0.1)


def test_equal_predictions_never_differ() -> None:
    found = paired_differences(TRUTH, PREDICTED, PREDICTED, labels=3, seed=1, resamples=50)
    assert found.tolist() == [0.0] * 50


def test_paired_differences_are_those_of_drawn_rows() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 400)
    first = np.where(rng.random(400) < 0.2, 0, truth)
    second = np.where(rng.random(400) < 0.3, first, rng.integers(0, 3, 400))

    def score(predicted: Any, rows: Any) -> Any:
        return macro_f1(confusion_matrix(truth[rows], predicted[rows], labels=3))

    drawn = [
        score(second, rows) - score(first, rows)
        for rows in (rng.integers(0, 400, 400) for _ in range(2_000))
    ]
    found = paired_differences(truth, first, second, labels=3, seed=1, resamples=2_000)
    assert found.mean() == pytest.approx(np.mean(drawn), abs=0.004)
    assert found.std() == pytest.approx(np.std(drawn), rel=0.1)
    assert found.mean() < -0.2


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    # By Wilson's formula with z = 1.96, worked out by hand.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_interval_of_a_share_stays_between_0_and_1(
    hits: int, rows: int, low: float, high: float
) -> None:
    assert share_interval(hits, rows) == pytest.approx((low, high), abs=1e-4)


def test_f1_intervals_agree_with_drawing_rows_one_by_one() -> None:
    cells = np.repeat([0, 1, 2, 3], [80, 20, 30, 70])
    drawn = cells[np.random.default_rng(0).integers(0, 200, size=(20_000, 200))]
    right, lost, wrong, other = ((drawn == cell).sum(axis=1) for cell in range(4))
    first = 2 * right / (2 * right + lost + wrong)
    second = 2 * other / (2 * other + lost + wrong)
    expected = [np.percentile(f1, [2.5, 97.5]) for f1 in (first, second)]
    found = f1_intervals(np.array([[80, 20], [30, 70]]), seed=1, resamples=20_000)
    np.testing.assert_allclose(found, expected, atol=0.004)


def test_f1_intervals_are_wide_where_rows_are_few_and_none_where_all_is_right() -> None:
    right, few, many = f1_intervals(np.array([[50, 0, 0], [0, 3, 2], [0, 20, 180]]), seed=1)
    assert right == (1.0, 1.0)
    # F1 of the labels: 6 / 28 = 0.21 and 360 / 382 = 0.94.
    assert few[0] < 0.21 < few[1]
    assert many[0] < 0.94 < many[1]
    assert few[1] - few[0] > 3 * (many[1] - many[0])
