"""How many hand labels the student is worth: what training on N labels of the gold itself gives.

The one place where gold labels train anything: logistic regressions over frozen sentence
embeddings of the gold's texts, made here, scored on the gold that they have not seen, and thrown
away. Teacher and student never see a gold label.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from common.metrics import macro_f1_score
from common.models.evaluation import HandLabelPoint, HandLabels

REPEATS = 10
_STEPS = (10, 25, 50, 100, 200, 400, 800, 1_600)
_LARGEST_SHARE = 0.8  # of the gold; the rest is what it is scored on
_NEXT_STEP = 0.8  # a step closer to the last one than this tells nothing new
_LARGEST_TEST = 2_000
_INVERSE_REGULARISATION = 3.0


def compare_with_hand_labels(
    vectors: NDArray[np.float32],
    truth: NDArray[np.int64],
    *,
    score: float,
    labels: int,
    seed: int,
) -> HandLabels | None:
    """The curve, and the fewest labels whose mean macro-F1 reaches ``score``; None: none does.

    All is None for a gold that is too small for a curve.
    """
    points = hand_label_curve(vectors, truth, labels=labels, seed=seed)
    if not points:
        return None
    return HandLabels(
        method="logistic regression on frozen sentence embeddings, trained on N labels of the "
        "gold and scored on the rest of it; no such label is used for teacher or student",
        worth=next((point.labels for point in points if point.macro_f1 >= score), None),
        points=tuple(points),
    )


def hand_label_curve(
    vectors: NDArray[np.float32], truth: NDArray[np.int64], *, labels: int, seed: int
) -> list[HandLabelPoint]:
    """Macro-F1 by number of hand labels, mean and spread over draws; empty for a tiny gold.

    Args:
        vectors: (N, D) embeddings of the gold's texts.
        truth: (N,) their labels.
        labels: K.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    points = []
    # On problems of this size BLAS threads wait for each other more than they compute.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Ten texts of 77 labels are what is asked for, not a regression by mistake.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        for size in curve_sizes(len(truth)):
            scores = [
                _score(vectors, truth, stratified(truth, size, rng), labels=labels, rng=rng)
                for _ in range(REPEATS)
            ]
            points.append(
                HandLabelPoint(
                    labels=size,
                    repeats=REPEATS,
                    macro_f1=float(np.mean(scores)),
                    standard_deviation=float(np.std(scores)),
                )
            )
    return points


def curve_sizes(texts: int) -> list[int]:
    """How many hand labels to try of so many texts: up to 80 % of them, and 1,600 at most."""
    most = min(int(_LARGEST_SHARE * texts), _STEPS[-1])
    if most < _STEPS[0]:
        return []
    return [*(size for size in _STEPS if size <= _NEXT_STEP * most), most]


def stratified(truth: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``size`` distinct random rows, of each label its share give or take one row."""
    rows = rng.permutation(len(truth))
    rows = rows[np.argsort(truth[rows], kind="stable")]
    # Every (N / size)-th row of an order by label, from a random start.
    return rows[((np.arange(size) + rng.random()) * len(rows) / size).astype(np.int64)]


def _score(
    vectors: NDArray[np.float32],
    truth: NDArray[np.int64],
    train: NDArray[np.int64],
    *,
    labels: int,
    rng: np.random.Generator,
) -> float:
    from sklearn.linear_model import LogisticRegression

    rest = np.setdiff1d(np.arange(len(truth)), train)
    if len(rest) > _LARGEST_TEST:
        rest = rng.choice(rest, _LARGEST_TEST, replace=False)
    known = np.unique(truth[train])
    if len(known) == 1:
        predicted = np.full(len(rest), known[0])
    else:
        model = LogisticRegression(
            C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=1_000
        )
        predicted = model.fit(vectors[train], truth[train]).predict(vectors[rest])
    return macro_f1_score(truth[rest], predicted, labels=labels)
