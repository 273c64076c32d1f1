"""How the served student does on texts it never saw, held against its teacher.

Agreement with a teacher is not accuracy: a student can agree fully and both be wrong. What
people say is measured on gold, in d_training.evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import metrics
from common.models.metrics import HeldOutMetrics, ReliabilityBin
from common.models.reference import Reference, make_reference
from d_training.data.rows import Rows


@dataclass(frozen=True)
class HeldOut:
    """probs: (N, K) of the served student for the N test rows; it abstains below threshold."""

    rows: Rows
    probs: NDArray[np.float32]
    threshold: float

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K): teacher's label down, student's across; rows that the teacher labeled."""
        judged = ~self.rows.abstained
        return metrics.confusion_matrix(
            self.rows.labels[judged],
            self.probs.argmax(axis=1)[judged],
            labels=self.probs.shape[1],
        )

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Of the rows that the teacher labeled."""
        return np.asarray(self.probs.max(axis=1)[~self.rows.abstained])

    @property
    def agrees(self) -> NDArray[np.bool_]:
        """Whether student and teacher name one label, in the rows that the teacher labeled."""
        judged = ~self.rows.abstained
        return np.asarray(self.probs.argmax(axis=1)[judged] == self.rows.labels[judged])

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, over the rows that the teacher labeled."""
        return metrics.expected_calibration_error(self.confidence, self.agrees)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(N,) whether it labels a row, or abstains."""
        return np.asarray(self.probs.max(axis=1) >= self.threshold)

    def reference(self, *, tokens: Sequence[int]) -> Reference:
        """What a server later holds its answers against; tokens: of each of the N rows."""
        return make_reference(
            best=self.probs.argmax(axis=1).tolist(),
            confidence=self.probs.max(axis=1).tolist(),
            tokens=tokens,
            sure=self.answered.tolist(),
            labels=self.probs.shape[1],
        )

    def measure(self, *, seed: int, languages: dict[str, int]) -> HeldOutMetrics:
        """What metrics.json says about held-out rows; languages: of those the teacher labeled."""
        confusion = self.confusion
        by_label = metrics.per_label(confusion)
        hits, rows = int(np.trace(confusion)), int(confusion.sum())
        return HeldOutMetrics(
            texts=len(self.rows),
            texts_labeled_by_teacher=rows,
            teacher_agreement=metrics.accuracy(confusion),
            teacher_agreement_interval_95=metrics.share_interval(hits, rows),
            macro_f1=float(metrics.macro_f1(confusion)),
            macro_f1_interval_95=metrics.macro_f1_interval(confusion, seed=seed),
            soft_cross_entropy=metrics.soft_cross_entropy(self.probs, self.rows.scores),
            expected_calibration_error=self.calibration_error,
            coverage=float(self.answered.mean()),
            teacher_coverage=float(1 - self.rows.abstained.mean()),
            f1=tuple(by_label.f1.tolist()),
            f1_interval_95=tuple(metrics.f1_intervals(confusion, seed=seed)),
            support=tuple(by_label.support.tolist()),
            confusion=tuple(map(tuple, confusion.tolist())),
            answers=metrics.answer_matrix(
                self.rows.labels,
                self.probs.argmax(axis=1),
                self.answered,
                labels=self.probs.shape[1],
            ),
            reliability=reliability_bins(self.confidence, self.agrees),
            languages=languages,
        )


def reliability_bins(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_]
) -> tuple[ReliabilityBin, ...]:
    """The bins that have texts, by rising confidence."""
    bins = metrics.calibration_bins(confidence, correct)
    count = len(bins.rows)
    return tuple(
        ReliabilityBin(
            low=k / count,
            high=(k + 1) / count,
            texts=int(bins.rows[k]),
            confidence=float(bins.confidence[k]),
            accuracy=float(bins.accuracy[k]),
        )
        for k in np.flatnonzero(bins.rows)
    )
