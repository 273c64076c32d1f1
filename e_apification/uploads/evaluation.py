"""The model against people's labels: rows scored as they are read, figures at the end."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from common import metrics
from e_apification.model.inference import InferenceService
from e_apification.model.predictor import Prediction, Predictor
from e_apification.uploads.labeled_table import LabeledRow, LabeledTable

_ROWS_AT_ONCE = 64
_RESAMPLES = 2_000
_CELLS_DRAWN = 4_000_000  # bounds the memory of the bootstrap where labels are many
_DECIMALS = 6


class Tally:
    """What came of the rows so far; the predicted label is the best one, also where it abstains."""

    def __init__(self, labels: int) -> None:
        self.confusion = np.zeros((labels, labels), np.int64)
        self.confidence: list[float] = []
        self.correct: list[bool] = []
        self.covered: list[bool] = []
        self.truncated = 0

    def add(self, rows: list[LabeledRow], predictions: list[Prediction]) -> None:
        """Count scored rows."""
        for row, prediction in zip(rows, predictions, strict=True):
            best = prediction.scores.index(max(prediction.scores))
            self.confusion[row.truth, best] += 1
            self.confidence.append(prediction.confidence)
            self.correct.append(best == row.truth)
            self.covered.append(prediction.label is not None)
            self.truncated += prediction.truncated


async def evaluate(rows: LabeledTable, service: InferenceService, predictor: Predictor) -> Tally:
    """Score all rows with one model; reading goes on beside the event loop."""
    tally = Tally(len(predictor.labels.names))
    stream = iter(rows)
    while batch := await asyncio.to_thread(_take, stream):
        scored = await service.predict([row.text for row in batch], by=predictor)
        tally.add(batch, scored.predictions)
    return tally


def figures(tally: Tally, *, names: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Accuracy, macro-F1, coverage, calibration, the table of labels and the confusion matrix."""
    confusion, correct = tally.confusion, np.array(tally.correct)
    covered = np.array(tally.covered)
    table = metrics.per_label(confusion)
    resamples = max(100, min(_RESAMPLES, _CELLS_DRAWN // confusion.size))
    interval = metrics.macro_f1_interval(confusion, seed=seed, resamples=resamples)
    error = metrics.expected_calibration_error(np.array(tally.confidence), correct)
    return {
        "accuracy": _rounded(metrics.accuracy(confusion)),
        "macro_f1": _rounded(float(metrics.macro_f1(confusion))),
        "macro_f1_interval": [_rounded(end) for end in interval],
        "calibration_error": _rounded(error),
        "coverage": _rounded(float(covered.mean())),
        "covered_accuracy": _rounded(float(correct[covered].mean())) if covered.any() else None,
        "truncated": tally.truncated,
        "labels": [
            {
                "label": name,
                "precision": _rounded(float(table.precision[k])),
                "recall": _rounded(float(table.recall[k])),
                "f1": _rounded(float(table.f1[k])),
                "support": int(table.support[k]),
            }
            for k, name in enumerate(names)
        ],
        "confusion": {"labels": list(names), "counts": confusion.tolist()},
    }


def _take(stream: Iterator[LabeledRow]) -> list[LabeledRow]:
    return list(islice(stream, _ROWS_AT_ONCE))


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)
