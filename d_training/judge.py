"""The figures of one system on gold, and the table that shows several side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from d_training import metrics
from d_training.gold import Answers


def judge_labels(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[str], *, seed: int
) -> dict[str, Any]:
    """Figures of predictions without confidences; every text counts."""
    confusion = metrics.confusion_matrix(truth, predicted, labels=len(names))
    by_label = metrics.per_label(confusion)
    return {
        "accuracy": metrics.accuracy(confusion),
        "macro_f1": float(metrics.macro_f1(confusion)),
        "macro_f1_interval_95": metrics.macro_f1_interval(confusion, seed=seed),
        "per_label": {
            name: {
                "precision": float(by_label.precision[k]),
                "recall": float(by_label.recall[k]),
                "f1": float(by_label.f1[k]),
                "support": int(by_label.support[k]),
            }
            for k, name in enumerate(names)
        },
    }


def judge_answers(
    truth: NDArray[np.int64], answers: Answers, names: Sequence[str], *, seed: int
) -> dict[str, Any]:
    """Figures of a system with confidences.

    Accuracy and F1 take its best label for every text, also where it abstained; coverage is the
    share of texts that it answered, accuracy_at_coverage its accuracy on those.
    """
    predicted = answers.probs.argmax(axis=1)
    correct = predicted == truth
    answered = answers.answered
    return judge_labels(truth, predicted, names, seed=seed) | {
        "coverage": float(answered.mean()),
        "accuracy_at_coverage": float(correct[answered].mean()) if answered.any() else None,
        "expected_calibration_error": metrics.expected_calibration_error(
            answers.probs.max(axis=1), correct
        ),
    }


def table(evaluation: dict[str, Any]) -> str:
    """The evaluation as text for a terminal; names the data and what it is worth."""
    gold, unseen = evaluation["gold"], evaluation["unseen"]
    systems = evaluation["baselines"] | {k: evaluation[k] for k in ("teacher", "student")}
    lines = [
        "",
        f"Evaluation on {gold['file']}: {gold['texts']:,} texts"
        + "".join(f", {n:,} left out ({reason})" for reason, n in gold["left_out"].items()),
    ]
    if gold["generated"]:
        lines.append("These texts are generated: the figures say nothing about real text.")
    header = ("accuracy", "macro-F1", "95 % interval", "answered", "right of those", "calib. error")
    lines += ["", f"{'':18}" + "".join(f"{name:>15}" for name in header)]
    for name, figures in systems.items():
        low, high = figures["macro_f1_interval_95"]
        cells = (
            f"{figures['accuracy']:.3f}",
            f"{figures['macro_f1']:.3f}",
            f"{low:.3f} to {high:.3f}",
            _number(figures.get("coverage")),
            _number(figures.get("accuracy_at_coverage")),
            _number(figures.get("expected_calibration_error")),
        )
        lines.append(f"{name:18}" + "".join(f"{cell:>15}" for cell in cells))
    width = max(18, *(len(name) + 1 for name in evaluation["labels"]))
    lines += ["", f"{'F1 by label':{width}}{'texts':>7}" + "".join(f"{n:>11}" for n in systems)]
    for label in evaluation["labels"]:
        support = evaluation["student"]["per_label"][label]["support"]
        scores = "".join(f"{s['per_label'][label]['f1']:>11.2f}" for s in systems.values())
        lines.append(f"{label:{width}}{support:>7,}{scores}")
    lines += [
        "",
        f"{gold['texts'] - unseen['texts']:,} of the texts were seen, without their labels, in "
        "training"
        + (
            f"; on the other {unseen['texts']:,} the student's macro-F1 is "
            f"{unseen['student_macro_f1']:.3f}"
            if unseen["texts"]
            else ""
        ),
        f"student: model {evaluation['model']}, INT8 as served; majority: the most frequent label "
        "of this gold",
    ]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
