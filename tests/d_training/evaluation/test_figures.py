import numpy as np
import pytest

from d_training.evaluation.figures import judge_answers, judge_labels
from d_training.evaluation.gold import Answers

NAMES = ("bill", "rest")
TRUTH = np.array([0, 0, 1, 1])


def test_labels_alone_have_no_confidence_figures() -> None:
    figures = judge_labels(TRUTH, np.array([0, 1, 1, 1]), NAMES, seed=1).model_dump()
    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert figures["per_label"]["bill"] == {
        "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2,
    }  # fmt: skip
    assert "coverage" not in figures


def test_abstention_lowers_coverage_and_leaves_the_forced_figures() -> None:
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8], [0.2, 0.8]], np.float32)
    all_answered = judge_answers(
        TRUTH, Answers(probs, np.array([True] * 4)), NAMES, seed=1
    ).model_dump()
    some = judge_answers(
        TRUTH, Answers(probs, np.array([True, False, True, True])), NAMES, seed=1
    ).model_dump()
    assert (all_answered["coverage"], all_answered["accuracy_at_coverage"]) == (1.0, 0.75)
    assert (some["coverage"], some["accuracy_at_coverage"]) == (0.75, 1.0)
    assert some["macro_f1"] == all_answered["macro_f1"]
    # Bins: 0.9 right, 0.55 wrong, two at 0.8 right: (.1 + .55 + 2 * .2) / 4.
    assert some["expected_calibration_error"] == pytest.approx(0.2625)
    assert all_answered["answers"] == ((1, 1, 0), (0, 2, 0))
    assert some["answers"] == ((1, 0, 1), (0, 2, 0))
    none = judge_answers(TRUTH, Answers(probs, np.array([False] * 4)), NAMES, seed=1).model_dump()
    assert none["accuracy_at_coverage"] is None


def test_coverage_curve_and_its_point_at_70_percent() -> None:
    # Ten texts by falling confidence; the fourth and the last three are wrong.
    first = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.57, 0.55], np.float32)
    right = [True, True, True, False, True, True, True, False, False, False]
    truth = np.array([0 if yes else 1 for yes in right])
    probs = np.stack([first, 1 - first], axis=1)
    figures = judge_answers(
        truth, Answers(probs, np.array([True] * 10)), NAMES, seed=1
    ).model_dump()
    curve = figures["coverage_curve"]
    assert [point["coverage"] for point in curve][:4] == [1.0, 0.95, 0.9, 0.85]
    assert len(curve) == 19
    by_coverage = {point["coverage"]: point for point in curve}
    assert by_coverage[1.0]["accuracy"] == pytest.approx(0.6)
    assert by_coverage[0.4] == {
        "coverage": 0.4, "threshold": pytest.approx(0.8), "accuracy": 0.75,
    }  # fmt: skip
    assert by_coverage[0.1]["accuracy"] == 1.0
    assert figures["accuracy_at_70"] == pytest.approx(6 / 7)


def test_reliability_lists_the_bins_that_hold_texts() -> None:
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.19, 0.81], [0.19, 0.81]], np.float32)
    figures = judge_answers(TRUTH, Answers(probs, np.array([True] * 4)), NAMES, seed=1).model_dump()
    assert list(figures["reliability"]) == [
        {
            "low": pytest.approx(8 / 15), "high": pytest.approx(9 / 15), "texts": 1,
            "confidence": pytest.approx(0.55), "accuracy": 0.0,
        },
        {
            "low": pytest.approx(12 / 15), "high": pytest.approx(13 / 15), "texts": 2,
            "confidence": pytest.approx(0.81), "accuracy": 1.0,
        },
        {
            "low": pytest.approx(13 / 15), "high": pytest.approx(14 / 15), "texts": 1,
            "confidence": pytest.approx(0.9), "accuracy": 1.0,
        },
    ]  # fmt: skip
