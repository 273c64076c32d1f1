"""The figures of one system on gold: right or wrong, by label, and what its confidence is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common import metrics
from common.models.evaluation import (
    CoveragePoint,
    Int8Comparison,
    LabelScores,
    Scores,
    SystemScores,
)
from d_training.evaluation.gold import Answers
from d_training.held_out.figures import reliability_bins

COVERAGES = tuple(round(1 - 0.05 * step, 2) for step in range(19))  # 1.0, 0.95 … 0.1
MOST_CONFIDENT = 0.7  # the share whose accuracy stands for the curve in the table


def judge_labels(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[str], *, seed: int
) -> Scores:
    """Scores of predictions without confidences; every text counts."""
    confusion = metrics.confusion_matrix(truth, predicted, labels=len(names))
    by_label = metrics.per_label(confusion)
    return Scores(
        accuracy=metrics.accuracy(confusion),
        macro_f1=float(metrics.macro_f1(confusion)),
        macro_f1_interval_95=metrics.macro_f1_interval(confusion, seed=seed),
        per_label={
            name: LabelScores(
                precision=float(by_label.precision[k]),
                recall=float(by_label.recall[k]),
                f1=float(by_label.f1[k]),
                support=int(by_label.support[k]),
            )
            for k, name in enumerate(names)
        },
    )


def judge_answers(
    truth: NDArray[np.int64], answers: Answers, names: Sequence[str], *, seed: int
) -> SystemScores:
    """Scores of a system with confidences.

    Accuracy and F1 take its best label for every text, also where it abstained. The coverage
    curve moves the threshold: its accuracy on the most confident share of all texts.
    """
    predicted = answers.probs.argmax(axis=1)
    confidence = answers.probs.max(axis=1)
    correct = predicted == truth
    answered = answers.answered
    curve = metrics.coverage_curve(confidence, correct, COVERAGES)
    return SystemScores(
        **dict(judge_labels(truth, predicted, names, seed=seed)),
        coverage=float(answered.mean()),
        accuracy_at_coverage=float(correct[answered].mean()) if answered.any() else None,
        accuracy_at_70=curve[COVERAGES.index(MOST_CONFIDENT)].accuracy,
        expected_calibration_error=metrics.expected_calibration_error(confidence, correct),
        coverage_curve=tuple(CoveragePoint(**point._asdict()) for point in curve),
        reliability=reliability_bins(confidence, correct),
        answers=metrics.answer_matrix(truth, predicted, answered, labels=len(names)),
    )


def compare_int8(truth: NDArray[np.int64], *, float32: Answers, int8: Answers) -> Int8Comparison:
    """Both files of a model on the same texts: macro-F1, and how often they name one label."""
    predicted = [answers.probs.argmax(axis=1) for answers in (float32, int8)]
    labels = float32.probs.shape[1]
    exact, quantised = (metrics.macro_f1_score(truth, found, labels=labels) for found in predicted)
    return Int8Comparison(
        float32_macro_f1=exact,
        int8_macro_f1=quantised,
        difference=quantised - exact,
        equal_labels=float((predicted[0] == predicted[1]).mean()),
    )
