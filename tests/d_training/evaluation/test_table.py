from typing import Any

from common.models.evaluation import Evaluation, HandLabels
from d_training.evaluation.table import table, worth


def figures(accuracy: Any, f1: Any, **more: Any) -> dict[str, Any]:
    by_label = {"precision": 0.5, "recall": 0.5, "f1": f1, "support": 7}
    return {
        "accuracy": accuracy,
        "macro_f1": f1,
        "macro_f1_interval_95": (0.25, 0.5),
        "per_label": {"bill": by_label, "rest": by_label},
        **more,
    }


SURE = {
    "coverage": 0.75, "accuracy_at_coverage": 0.8, "accuracy_at_70": 0.9,
    "expected_calibration_error": 0.04, "coverage_curve": [], "reliability": [],
}  # fmt: skip


def evaluation(**changes: Any) -> Evaluation:
    content = {
        "key": "fed",
        "created_at": "2026-01-02T03:04:05Z",
        "model_id": "0123456789ab",
        "labels": ["bill", "rest"],
        "gold": {"file": "g.csv", "texts": 4, "left_out": {"no label": 2}, "generated": False},
        "teacher": figures(0.5, 0.6, **SURE),
        "student": figures(0.625, 0.725, **SURE),
        "baselines": {"majority": figures(0.375, 0.125)},
        "unseen": {"texts": 3, "teacher_macro_f1": 0.5, "student_macro_f1": 0.625},
        "hand_labels": None,
        "served": "model.int8.onnx",
        "int8": {
            "int8_macro_f1": 0.725,
            "float32_macro_f1": 0.75,
            "difference": -0.025,
            "equal_labels": 0.875,
        },
    }
    return Evaluation.model_validate(content | changes)


def hand_labels_worth(enough: Any, *, sizes: Any = (10, 25, 1_600)) -> HandLabels:
    rest = {"repeats": 10, "macro_f1": 0.5, "standard_deviation": 0.05}
    points = [{"labels": size, **rest} for size in sizes]
    return HandLabels.model_validate({"method": "", "worth": enough, "points": points})


def test_systems_stand_side_by_side() -> None:
    lines = table(evaluation()).splitlines()
    assert "Evaluation on g.csv: 4 texts, 2 left out (no label)" in lines
    header = next(line for line in lines if "accuracy" in line)
    student = next(line for line in lines if line.startswith("student"))
    assert student.split() == [
        "student", "0.625", "0.725", "0.250", "to", "0.500", "0.750", "0.800", "0.900", "0.040",
    ]  # fmt: skip
    best = header.index("best 70 %") + len("best 70 %")
    assert student[best - 5 : best] == "0.900"
    majority = next(line for line in lines if line.startswith("majority"))
    assert majority.split() == ["majority", "0.375", "0.125", "0.250", "to", "0.500"]
    assert next(line for line in lines if line.startswith("bill")).split()[1:] == [
        "7", "0.12", "0.60", "0.72",
    ]  # fmt: skip
    seen = "1 of the texts were seen, without their labels, in training; on the other 3 the student"
    assert f"{seen}'s macro-F1 is 0.625" in lines
    int8 = "INT8 against float32: macro-F1 difference -0.025 (0.725, 0.750), equal labels 87.5 %"
    assert int8 in lines
    assert not any("generated" in line or "hand labels" in line for line in lines)


def test_generated_gold_says_that_it_proves_nothing_about_real_text() -> None:
    gold = {"file": "g.csv", "texts": 4, "left_out": {}, "generated": True}
    unseen = {"texts": 0, "teacher_macro_f1": None, "student_macro_f1": None}
    shown = table(evaluation(gold=gold, unseen=unseen))
    assert "These texts are generated: the figures say nothing about real text." in shown
    assert "4 of the texts were seen, without their labels, in training\n" in shown


def test_no_line_is_wider_than_120_columns_with_all_systems_and_long_labels() -> None:
    long = "balance not updated after a cheque or a deposit of cash"
    systems = {name: figures(0.5, 0.5) for name in ("majority", "keywords")}
    systems |= {name: figures(0.5, 0.5) for name in ("bare names", "descriptions")}
    sure = figures(0.625, 0.725, **SURE)
    for system in (*systems.values(), sure):
        system["per_label"][long] = {"precision": 1, "recall": 1, "f1": 1.0, "support": 12_345}
    gold = {"file": "g.csv", "texts": 123_456, "left_out": {}, "generated": False}
    unseen = {"texts": 23_456, "teacher_macro_f1": 0.5, "student_macro_f1": 0.625}
    hand_labels = hand_labels_worth(None, sizes=(10, 1_600))
    shown = table(
        evaluation(
            labels=["bill", "rest", long], baselines=systems, teacher=sure, student=sure,
            gold=gold, unseen=unseen, hand_labels=hand_labels,
        )
    )  # fmt: skip
    assert max(map(len, shown.splitlines())) <= 120
    assert "balance not updated after a cheque or a dep…  12,345" in shown
    assert "the student is worth more than 1,600 hand labels, by logistic regressions" in shown
    assert "bare names, descriptions: the nearest" in shown


def test_worth_is_the_number_that_was_enough_or_more_than_the_most() -> None:
    assert worth(hand_labels_worth(10)) == "at most 10"
    assert worth(hand_labels_worth(1_600)) == "about 1,600"
    assert worth(hand_labels_worth(None)) == "more than 1,600"
