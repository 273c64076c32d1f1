"""What the audit shows: first pass counts over all rows, second pass a few texts of each kind."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from c_classification.audit.rows import NOTHING, LabeledRows
from c_classification.draw import Draw, rank_of

FINE_BINS = 1_000
_LOW, _MIDDLE_FROM, _MIDDLE_TO, _HIGH = 0.10, 0.45, 0.55, 0.90  # quantiles of a label's confidence
_EXAMPLES = 5  # a label and band
_DISAGREEMENTS = 5  # the most frequent ones of two members
_DISAGREEMENT_EXAMPLES = 3
_ABSTENTIONS = 12

Counted = NDArray[np.int64]
Pair = tuple[int, int]  # of members, or of the labels that they named


class Counts(NamedTuple):
    """Figures over all rows; K labels, M members, B = FINE_BINS.

    The last row and column of ``votes`` stand for a member without an opinion.
    """

    bins: Counted  # (K, B) messages by their label and its confidence
    confidence_sum: NDArray[np.float64]  # (K,)
    abstained: int
    abstained_pairs: Counted  # (K, K) abstentions by best and second label
    highest_abstained: float  # confidence; 0 where nothing was abstained
    votes: dict[Pair, Counted]  # members -> (K + 1, K + 1)


class Example(NamedTuple):
    """One message: its label (or None), confidence, best two labels, and its members' votes."""

    text: str
    label: int
    confidence: float
    best: tuple[tuple[int, float], tuple[int, float]]
    votes: tuple[int, ...]


class Disagreement(NamedTuple):
    """``first`` and ``second``: the labels of the two members; ``rows``: how often."""

    first: int
    second: int
    rows: int
    examples: list[Example]


class Examples(NamedTuple):
    """By label and band (high, middle, low); of two members' disagreements; of abstentions."""

    bands: list[dict[str, list[Example]]]
    disagreements: dict[Pair, list[Disagreement]]
    abstentions: list[Example]


def count_rows(batches: Iterable[LabeledRows], *, labels: int, members: int) -> Counts:
    """One pass over all rows."""
    bins = np.zeros((labels, FINE_BINS), np.int64)
    sums = np.zeros(labels)
    pairs = np.zeros((labels, labels), np.int64)
    pairs_of_members = list(combinations(range(members), 2))
    votes = {pair: np.zeros((labels + 1, labels + 1), np.int64) for pair in pairs_of_members}
    abstained, highest = 0, 0.0
    for rows in batches:
        sure = rows.labels != NOTHING
        np.add.at(bins, (rows.labels[sure], _bin(rows.confidence[sure])), 1)
        np.add.at(sums, rows.labels[sure], rows.confidence[sure])
        abstained += int((~sure).sum())
        highest = max(highest, float(rows.confidence[~sure].max(initial=0)))
        best = _best_two(rows.scores[~sure])
        np.add.at(pairs, (best[:, 0], best[:, 1]), 1)
        for first, second in pairs_of_members:
            # NOTHING = -1 is the last row or column.
            np.add.at(votes[first, second], (rows.votes[:, first], rows.votes[:, second]), 1)
    return Counts(bins, sums, abstained, pairs, highest, votes)


def draw_examples(batches: Iterable[LabeledRows], counts: Counts, *, seed: int) -> Examples:
    """A second pass: distinct texts drawn by the seed, whatever the order of the rows."""
    limits = np.array([_band_limits(row) for row in counts.bins])  # (K, 4)
    bands: list[dict[str, Draw[Example]]] = [
        {band: Draw(_EXAMPLES) for band in ("high", "middle", "low")} for _ in counts.bins
    ]
    quarrels: dict[tuple[Pair, Pair], Draw[Example]] = {
        (members, pair): Draw(_DISAGREEMENT_EXAMPLES)
        for members, table in counts.votes.items()
        for pair in _most_frequent(table)
    }
    abstentions: Draw[Example] = Draw(_ABSTENTIONS)
    for rows in batches:
        band = _bands(rows, limits)
        wanted = (band != "") | (rows.labels == NOTHING)
        for members, pair in quarrels:
            wanted |= (rows.votes[:, members] == pair).all(axis=1)
        for i in np.flatnonzero(wanted).tolist():
            example = _example(rows, i)
            rank = rank_of(example.text, seed=seed)
            if example.label == NOTHING:
                abstentions.offer(rank, example)
            elif band[i]:
                bands[example.label][band[i]].offer(rank, example)
            for (members, pair), quarrel in quarrels.items():
                if tuple(example.votes[m] for m in members) == pair:
                    quarrel.offer(rank, example)

    disagreements: dict[Pair, list[Disagreement]] = {members: [] for members in counts.votes}
    for (members, pair), quarrel in quarrels.items():
        n = int(counts.votes[members][pair])
        disagreements[members].append(Disagreement(*pair, n, quarrel.items()))
    return Examples(
        [
            {band: sorted(draw.items(), key=_by_confidence) for band, draw in of_label.items()}
            for of_label in bands
        ],
        disagreements,
        sorted(abstentions.items(), key=_by_confidence),
    )


def _bin(confidence: NDArray[np.float32]) -> Counted:
    return np.clip((confidence * FINE_BINS).astype(np.int64), 0, FINE_BINS - 1)


def _best_two(scores: NDArray[np.float32]) -> Counted:
    return np.argsort(-scores, axis=1, kind="stable")[:, :2]


def _band_limits(bins: Counted) -> list[int]:
    """Bins of the four quantiles that bound the low, middle and high band of one label."""
    reached = np.cumsum(bins)
    return [
        int(np.searchsorted(reached, q * reached[-1]))
        for q in (_LOW, _MIDDLE_FROM, _MIDDLE_TO, _HIGH)
    ]


def _bands(rows: LabeledRows, limits: Counted) -> NDArray[np.str_]:
    """The band of each row; empty between the bands and where the teacher abstained."""
    at = _bin(rows.confidence)
    low, middle_from, middle_to, high = limits[rows.labels].T
    bands = np.select(
        [rows.labels == NOTHING, at >= high, at <= low, (at >= middle_from) & (at <= middle_to)],
        ["", "high", "low", "middle"],
        default="",
    )
    return np.asarray(bands, np.str_)


def _most_frequent(table: Counted) -> list[Pair]:
    """Pairs of labels that two members gave the same message most often, and do not agree on."""
    known = table[:-1, :-1].copy()
    np.fill_diagonal(known, 0)
    order = np.argsort(-known, axis=None, kind="stable")[:_DISAGREEMENTS]
    found = [divmod(int(k), len(known)) for k in order]
    return [pair for pair in found if known[pair]]


def _example(rows: LabeledRows, i: int) -> Example:
    first, second = (int(k) for k in _best_two(rows.scores[i : i + 1])[0])
    return Example(
        rows.texts[i].as_py(),
        int(rows.labels[i]),
        float(rows.confidence[i]),
        ((first, float(rows.scores[i, first])), (second, float(rows.scores[i, second]))),
        tuple(int(k) for k in rows.votes[i]),
    )


def _by_confidence(example: Example) -> tuple[float, str]:
    return -example.confidence, example.text
