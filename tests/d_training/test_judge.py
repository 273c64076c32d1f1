import numpy as np
import pytest

from d_training.gold import Answers
from d_training.judge import judge_answers, judge_labels, table

NAMES = ("bill", "rest")
TRUTH = np.array([0, 0, 1, 1])


def test_labels_alone_have_no_confidence_figures():
    figures = judge_labels(TRUTH, np.array([0, 1, 1, 1]), NAMES, seed=1)
    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert figures["per_label"]["bill"] == {
        "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2,
    }  # fmt: skip
    assert "coverage" not in figures


def test_abstention_lowers_coverage_and_leaves_the_forced_figures():
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8], [0.2, 0.8]], np.float32)
    all_answered = judge_answers(TRUTH, Answers(probs, np.array([True] * 4)), NAMES, seed=1)
    some = judge_answers(TRUTH, Answers(probs, np.array([True, False, True, True])), NAMES, seed=1)
    assert (all_answered["coverage"], all_answered["accuracy_at_coverage"]) == (1.0, 0.75)
    assert (some["coverage"], some["accuracy_at_coverage"]) == (0.75, 1.0)
    assert some["macro_f1"] == all_answered["macro_f1"]
    # Bins: 0.9 right, 0.55 wrong, two at 0.8 right: (.1 + .55 + 2 * .2) / 4.
    assert some["expected_calibration_error"] == pytest.approx(0.2625)
    none = judge_answers(TRUTH, Answers(probs, np.array([False] * 4)), NAMES, seed=1)
    assert none["accuracy_at_coverage"] is None


def evaluation(**changes):
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8], [0.2, 0.8]], np.float32)
    figures = judge_answers(TRUTH, Answers(probs, np.array([True] * 4)), NAMES, seed=1)
    return {
        "model": "0123456789ab",
        "labels": NAMES,
        "gold": {"file": "g.csv", "texts": 4, "left_out": {"no label": 2}, "generated": False},
        "teacher": figures,
        "student": figures,
        "baselines": {"majority": judge_labels(TRUTH, TRUTH * 0, NAMES, seed=1)},
        "unseen": {"texts": 3, "teacher_macro_f1": 0.5, "student_macro_f1": 0.625},
    } | changes


def test_table_names_data_systems_and_what_was_seen():
    lines = table(evaluation()).splitlines()
    assert "Evaluation on g.csv: 4 texts, 2 left out (no label)" in lines
    row = next(line for line in lines if line.startswith("student"))
    assert row.split()[1:3] == ["0.750", "0.733"]
    majority = next(line for line in lines if line.startswith("majority"))
    assert majority.split()[1:3] == ["0.500", "0.333"]
    assert next(line for line in lines if line.startswith("bill")).split()[1:] == [
        "2", "0.67", "0.67", "0.67",
    ]  # fmt: skip
    assert "1 of the texts" in lines[-2] and "macro-F1 is 0.625" in lines[-2]
    assert not any("generated" in line for line in lines)


def test_generated_gold_says_that_it_proves_nothing_about_real_text():
    gold = {"file": "g.csv", "texts": 4, "left_out": {}, "generated": True}
    unseen = {"texts": 0, "teacher_macro_f1": None, "student_macro_f1": None}
    shown = table(evaluation(gold=gold, unseen=unseen))
    assert "These texts are generated: the figures say nothing about real text." in shown
    assert "4 of the texts were seen, without their labels, in training\n" in shown
