"""Shares of labels among messages, corrected for the errors of the model that named them.

Counted labels are off where the model mistakes one label for another more often than the reverse.
Labeled texts show how it answers texts of each label; the shares are those under which its answers
to the messages are likeliest. This is the adjusted count of Forman (2008) and Hopkins and King
(2010), which Saerens, Latinne and Decaestecker (2002) call the confusion matrix method, solved by
EM steps: these can't leave 0 to 1, as a matrix inverse can. Intervals are of a bootstrap over the
labeled texts and the answers.

It assumes that the model answers the messages of a label as it answers the labeled texts of it:
shares may differ between both, what a label's messages are like may not.

Labels whose texts get the same answers can't be told apart: they are singular vectors of the rates
with a value near 0. The interval of such a label goes from 0 to the shares of all of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROUNDS, _STILL = 1_000, 1e-5
_RESAMPLES = 500
_ODD = 1e-6  # share of answers that no labeled text explains
_SAME = 0.05  # singular value of the rates below which labels count as answered alike
_PART_OF_IT = 0.1  # component of such a vector from which a label belongs to it


class Shares(NamedTuple):
    """(K,) each; ``low`` and ``high`` bound 95 % of the resamples."""

    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def estimate_shares(answers: NDArray[np.int64], judged: NDArray[np.int64], *, seed: int) -> Shares:
    """Shares of K labels among the messages that got ``answers``.

    Args:
        answers: (K + 1,) messages by the label that they got; the last: by none.
        judged: (K, K + 1) labeled texts: their label down, the model's answer across. A label that
            no text has is taken to be answered rightly.
        seed: of the bootstrap.
    """
    draw = np.random.default_rng(seed)
    messages, texts = int(answers.sum()), int(judged.sum())
    seen = answers / messages
    drawn_answers = draw.multinomial(messages, seen, size=_RESAMPLES) / messages
    cells = draw.multinomial(texts, judged.reshape(-1) / texts, size=_RESAMPLES)
    resampled = _likeliest(drawn_answers, _rates(cells.reshape(-1, *judged.shape)))
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    rates = _rates(judged[None])
    share = _likeliest(seen[None], rates)[0]
    alike = _answered_alike(rates[0])
    low, high = np.where(alike, 0, low), np.where(alike, share[alike].sum(), high)
    return Shares(share, np.minimum(low, share), np.maximum(high, share))


def _rates(judged: NDArray[np.int64]) -> NDArray[np.float64]:
    """(R, K, K + 1): of the texts of a label, the share that got each answer."""
    rows = judged.sum(axis=-1, keepdims=True)
    right = np.eye(*judged.shape[-2:])
    rates = np.where(rows > 0, judged / np.maximum(rows, 1), right)
    return np.asarray((1 - _ODD) * rates + _ODD / judged.shape[-1])


def _answered_alike(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(K,) whether other labels of the (K, K + 1) rates get the same answers."""
    vectors, values, _ = np.linalg.svd(rates)
    return np.asarray((np.abs(vectors[:, values < _SAME]) > _PART_OF_IT).any(axis=1))


def _likeliest(answers: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, K) shares, from (R, K + 1) shares of answers and (R, K, K + 1) rates, by EM."""
    shares = np.full(rates.shape[:2], 1 / rates.shape[1])
    for _ in range(_ROUNDS):
        expected = (shares[:, None, :] @ rates)[:, 0, :]
        better = shares * (rates @ (answers / expected)[:, :, None])[:, :, 0]
        change, shares = np.abs(better - shares).max(), better
        if change < _STILL:
            break
    return shares
