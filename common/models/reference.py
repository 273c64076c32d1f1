"""What a model's answers looked like as it was trained, and how far later ones are from that.

Training leaves a ``Reference`` in metrics.json: how its held-out texts spread over labels, and
over tenths of confidence and of length. The server counts what it answers into the same bins.
Distance is the population stability index; what chance alone makes of it is known, so that a small
sample is not taken for a drift.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

_CHANCE_Z = 3.09  # of the normal distribution: one sample in a thousand lies above
_SMOOTH = 0.5  # counted into each bin, so that an empty one is no infinite distance


class Spread(BaseModel):
    """counts: texts a bin; bin i holds values from edges[i - 1] up to, not including, edges[i]."""

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def bin_of(self, value: float) -> int:
        """Where a value falls."""
        return bisect_right(self.edges, value)


class Reference(BaseModel):
    """labels: held-out texts by label in schema order, the last count being abstentions.

    tokens: of what the model reads, so at most its max_length.
    """

    model_config = ConfigDict(frozen=True)

    labels: tuple[int, ...] = Field(min_length=2)
    confidence: Spread
    tokens: Spread


class Distance(NamedTuple):
    """The index, and what chance alone stays below in 999 of 1,000 samples of these sizes."""

    psi: float
    chance: float


def make_reference(
    *,
    best: Sequence[int],
    confidence: Sequence[float],
    tokens: Sequence[int],
    sure: Sequence[bool],
    labels: int,
) -> Reference:
    """Describe N answers.

    Args:
        best: the best label of each text.
        confidence: its score.
        tokens: how many the model read.
        sure: whether the model names a label.
        labels: how many there are.
    """
    chosen = np.where(np.asarray(sure), np.asarray(best), labels)
    return Reference(
        labels=tuple(np.bincount(chosen, minlength=labels + 1).tolist()),
        confidence=_spread(confidence),
        tokens=_spread(tokens),
    )


def distance(expected: Sequence[int], found: Sequence[int]) -> Distance:
    """How far the counts ``found`` are from those ``expected``, each in the same B bins.

    Without a drift the index times n m / (n + m) is about chi-squared with B - 1 degrees of freedom
    (Yurdakul 2018), whose quantile is taken by Wilson and Hilferty's formula.
    """
    bins, n, m = len(expected), sum(expected), sum(found)
    if bins < 2 or not n or not m:
        return Distance(0.0, 0.0)
    was = (np.asarray(expected) + _SMOOTH) / (n + _SMOOTH * bins)
    now = (np.asarray(found) + _SMOOTH) / (m + _SMOOTH * bins)
    freedom = bins - 1
    part = 2 / (9 * freedom)
    quantile = freedom * (1 - part + _CHANCE_Z * math.sqrt(part)) ** 3
    psi = float(((now - was) * np.log(now / was)).sum())
    return Distance(psi, (1 / n + 1 / m) * quantile)


def _spread(values: Sequence[float]) -> Spread:
    """Tenths of the values; fewer where many are equal."""
    edges = np.unique(np.quantile(values, np.arange(1, 10) / 10, method="higher"))
    edges = edges[edges > min(values)]  # else the lowest bin would be empty
    bins = np.searchsorted(edges, values, side="right")
    return Spread(
        edges=tuple(edges.tolist()),
        counts=tuple(np.bincount(bins, minlength=len(edges) + 1).tolist()),
    )
