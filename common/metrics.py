"""Figures about predictions, in numpy alone: what reports, model folders and plots share.

Labels are indices 0..K-1 in schema order. ``truth`` is what predictions are held against: a
person's labels on gold, the teacher's elsewhere; the caller's names say which.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.integer]
Floats = NDArray[np.floating]
CALIBRATION_BINS = 15


class PerLabel(NamedTuple):
    """Arrays of length K; a ratio whose denominator is 0 counts as 0."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


class Bins(NamedTuple):
    """Rows by confidence, in equal-width bins; means are nan where a bin is empty."""

    rows: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


class Covered(NamedTuple):
    """The rows of highest confidence, down to ``threshold``: their share of all, their accuracy."""

    coverage: float
    threshold: float
    accuracy: float


def confusion_matrix(truth: Indices, predicted: Indices, *, labels: int) -> NDArray[np.int64]:
    """(K, K) counts: truth down, prediction across."""
    cells = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return cells.reshape(labels, labels).astype(np.int64)


def answer_matrix(
    truth: Indices, predicted: Indices, answered: NDArray[np.bool_], *, labels: int
) -> tuple[tuple[int, ...], ...]:
    """(K, K + 1) counts: truth down, the label that was named across, last: none was."""
    named = np.where(answered, predicted, labels)
    return tuple(map(tuple, confusion_matrix(truth, named, labels=labels + 1)[:-1].tolist()))


def per_label(confusion: NDArray[np.int64]) -> PerLabel:
    """Precision, recall, F1 and support of each label."""
    hits = np.diagonal(confusion)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return PerLabel(
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, predicted + support),
        support=support,
    )


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of rows on the diagonal."""
    return float(np.trace(confusion) / confusion.sum())


def macro_f1(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean F1 over the labels that occur in truth or prediction, for (..., K, K) at once."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    occurring = confusions.sum(axis=-1) + confusions.sum(axis=-2)  # (..., K)
    f1 = _ratio(2 * hits, occurring)
    return np.asarray(f1.sum(axis=-1) / (occurring > 0).sum(axis=-1))


def macro_f1_score(truth: Indices, predicted: Indices, *, labels: int) -> float:
    """Mean F1 over the labels that occur in truth or prediction."""
    return float(macro_f1(confusion_matrix(truth, predicted, labels=labels)))


def macro_f1_interval(
    confusion: NDArray[np.int64], *, seed: int, resamples: int = 2_000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of macro-F1.

    F1 depends on the rows only through the confusion matrix, and drawing N rows with replacement
    is drawing its cells from a multinomial: exact, and the same for ten rows or ten million.
    """
    scores = macro_f1(_resampled(confusion, seed=seed, resamples=resamples))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(scores, [tail, 100 - tail])
    return float(low), float(high)


def f1_intervals(
    confusion: NDArray[np.int64], *, seed: int, resamples: int = 2_000
) -> list[tuple[float, float]]:
    """95 % percentile bootstrap interval of the F1 of each label."""
    draws = _resampled(confusion, seed=seed, resamples=resamples)
    hits = np.diagonal(draws, axis1=-2, axis2=-1)
    f1 = _ratio(2 * hits, draws.sum(axis=-1) + draws.sum(axis=-2))  # (R, K)
    low, high = np.percentile(f1, [2.5, 97.5], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def share_interval(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; it stays inside 0 and 1 and is of use for few rows."""
    share, z = hits / rows, 1.959964
    centre = share + z * z / (2 * rows)
    spread = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def paired_differences(
    truth: Indices, first: Indices, second: Indices, *, labels: int, seed: int, resamples: int
) -> NDArray[np.float64]:
    """(resamples,) macro-F1 of ``second`` minus that of ``first``, of rows drawn with replacement.

    Both are scored on the same draw, so that what is easy or hard for both cancels out. A draw of
    rows is a multinomial draw of the (truth, first, second) triples that occur, at most N.
    """
    triples = (truth * labels + first) * labels + second
    kinds, counts = np.unique(triples, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(truth), counts / len(truth), resamples)
    row, of_first, of_second = kinds // labels**2, kinds // labels % labels, kinds % labels
    scores = [
        macro_f1(_confusions(draws, row * labels + predicted, labels))
        for predicted in (of_first, of_second)
    ]
    return np.asarray(scores[1] - scores[0])


def calibration_bins(
    confidence: Floats, correct: NDArray[np.bool_] | Floats, *, bins: int = CALIBRATION_BINS
) -> Bins:
    """Group rows by confidence into ``bins`` equal-width bins over (0, 1], upper edge inside."""
    which = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(which, weights=confidence, minlength=bins) / count
        mean_accuracy = np.bincount(which, weights=correct, minlength=bins) / count
    return Bins(count, mean_confidence, mean_accuracy)


def expected_calibration_error(confidence: Floats, correct: NDArray[np.bool_] | Floats) -> float:
    """Mean gap between confidence and accuracy over the bins, weighted by their rows.

    ``correct`` may also say how right each row is, from 0 to 1, as soft labels do.
    """
    bins = calibration_bins(confidence, correct)
    filled = bins.rows > 0
    gaps = np.abs(bins.confidence[filled] - bins.accuracy[filled])
    return float((gaps * bins.rows[filled]).sum() / bins.rows.sum())


def coverage_curve(
    confidence: Floats, correct: NDArray[np.bool_], coverages: Sequence[float]
) -> list[Covered]:
    """Accuracy of the most confident share of the rows, for each of ``coverages``.

    Rows of one confidence each count by their mean, so that their order changes nothing.
    """
    _, which, rows = np.unique(-confidence, return_inverse=True, return_counts=True)
    right = (np.bincount(which, weights=correct) / rows)[which]  # (N,)
    order = np.argsort(-confidence, kind="stable")
    hits = right[order].cumsum()
    kept = [max(1, round(share * len(confidence))) for share in coverages]
    return [
        Covered(share, float(confidence[order[n - 1]]), float(hits[n - 1] / n))
        for share, n in zip(coverages, kept, strict=True)
    ]


def soft_cross_entropy(probs: Floats, targets: Floats) -> float:
    """Mean cross-entropy of (N, K) probabilities against (N, K) soft labels, in nats."""
    tiny = np.finfo(np.float32).tiny
    return float(-(targets * np.log(np.maximum(probs, tiny))).sum(axis=1).mean())


def _resampled(confusion: NDArray[np.int64], *, seed: int, resamples: int) -> NDArray[np.int64]:
    """(R, K, K): confusion matrices of as many rows, drawn with replacement."""
    total = int(confusion.sum())
    cells = confusion.reshape(-1) / total
    draws = np.random.default_rng(seed).multinomial(total, cells, size=resamples)  # (R, K*K)
    return draws.reshape(resamples, *confusion.shape)


def _confusions(draws: NDArray[np.int64], cells: Indices, labels: int) -> NDArray[np.int64]:
    """(R, K, K) from (R, C) counts of C kinds of row and the cell that each kind falls into."""
    confusions = np.zeros((len(draws), labels * labels), np.int64)
    for cell in np.unique(cells):
        confusions[:, cell] = draws[:, cells == cell].sum(axis=1)
    return confusions.reshape(-1, labels, labels)


def _ratio(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) > 0)
