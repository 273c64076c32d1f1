"""What the texts at hand say of a label schema: a seeded sample, scored by the stage's teacher."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from c_classification.check.wording import Finding
from c_classification.draw import Draw, rank_of
from c_classification.teacher.member import Scores
from c_classification.teacher.teacher import decide
from common.labels import LabelSchema

_TEXTS_A_LABEL = 10  # fewer say nothing about shares
_ALMOST_NOTHING = 0.1  # of an equal share
_NEARLY_ALL = 0.8
_CATCH_ALL_MOST = 0.5
_OFTEN_ABSTAINED = 0.2
_NEAR = 0.1  # between the best two scores
_OFTEN_NEAR = 0.02  # of the sample, for one pair of labels
_SHOWN_PAIRS, _SHOWN_TEXTS = 3, 3
_ENTAILED = 0.5


class Share(NamedTuple):
    """What one label got; ``confidence`` is the mean, None where it got nothing."""

    texts: int
    confidence: float | None


class NearPair(NamedTuple):
    """Two labels that compete for texts: how many, and a few of them."""

    first: str
    second: str
    texts: int
    shown: list[str]


class Judged(NamedTuple):
    """Shares by label in schema order; N texts, of which some abstained and some lie near two."""

    texts: int
    shares: list[Share]
    abstained: int
    near: int
    pairs: list[NearPair]


def sample_texts(folder: Path, *, size: int, seed: int) -> list[str]:
    """At most ``size`` distinct texts of a folder of Parquet files, the same ones every time."""
    draw: Draw[str] = Draw(size)
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["text"]):
                for text in batch.column("text").to_pylist():
                    if text is not None:
                        draw.offer(rank_of(text, seed=seed), text)
    return draw.items()


def judge_scores(
    schema: LabelSchema, texts: Sequence[str], scores: Scores, *, threshold: float
) -> Judged:
    """Count what each label gets, and which texts lie near two labels.

    Args:
        scores: (N, K) of ``texts``, columns in schema order.
    """
    decided = decide(scores, names=schema.names, threshold=threshold)
    confidence: dict[str | None, list[float]] = {}
    for label, value in zip(decided.labels, decided.confidence, strict=True):
        confidence.setdefault(label, []).append(float(value))
    got = [confidence.get(name, []) for name in schema.names]

    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]  # (N, 2)
    best_two = np.take_along_axis(scores, order, axis=1)  # (N, 2)
    near = np.flatnonzero(best_two[:, 0] - best_two[:, 1] < _NEAR)
    by_pair: dict[tuple[int, int], list[int]] = {}
    for i in near.tolist():
        first, second = sorted(order[i].tolist())
        by_pair.setdefault((first, second), []).append(i)
    most = Counter({pair: len(rows) for pair, rows in by_pair.items()}).most_common(_SHOWN_PAIRS)
    return Judged(
        len(texts),
        [Share(len(values), sum(values) / len(values) if values else None) for values in got],
        len(confidence.get(None, [])),
        len(near),
        [
            NearPair(
                schema.names[pair[0]],
                schema.names[pair[1]],
                n,
                [texts[i] for i in by_pair[pair][:_SHOWN_TEXTS]],
            )
            for pair, n in most
        ],
    )


def share_findings(schema: LabelSchema, judged: Judged) -> list[Finding]:
    """Labels that get next to nothing or nearly all, and texts that the teacher can't place."""
    if judged.texts < _TEXTS_A_LABEL * len(schema.names):
        problem = f"{judged.texts} texts are too few to judge what each label gets"
        needed = f"give it {_TEXTS_A_LABEL * len(schema.names):,} distinct texts at least"
        return [Finding("", problem, needed)]
    found = []
    for name, (n, _) in zip(schema.names, judged.shares, strict=True):
        share = n / judged.texts
        if share < _ALMOST_NOTHING / len(schema.names):
            problem = "hardly any text gets it" if n else "no text gets it"
            rest = "of what fits no other label"
            others = "worded like your messages, or leave the label out"
            change = f"add examples {rest if name == schema.catch_all else others}"
            found.append(Finding(name, problem, change))
        elif name == schema.catch_all and share > _CATCH_ALL_MOST:
            change = "is a label missing? read what it got in reports/labels.html"
            found.append(Finding(name, "the catch-all takes most texts", change))
        elif share > _NEARLY_ALL:
            change = "describe it more narrowly, or split it"
            found.append(Finding(name, "it takes nearly all texts", change))
    if judged.abstained > _OFTEN_ABSTAINED * judged.texts:
        problem = "the teacher often can't tell and abstains"
        change = "add examples worded like your messages, or lower classification.threshold"
        found.append(Finding("", problem, change))
    for pair in judged.pairs:
        if pair.texts >= _OFTEN_NEAR * judged.texts:
            problem = (
                f"{pair.texts / judged.texts:.1%} of the texts lie between it and {pair.second}"
            )
            change = "say in both which of the two owns such a text; add examples near the border"
            found.append(Finding(pair.first, problem, change))
    return found


def single_hypotheses(schema: LabelSchema) -> LabelSchema:
    """A schema with a label for each hypothesis, so that a teacher scores each by itself."""
    labels = [
        label.model_copy(update={"name": f"{label.name} {n}", "hypotheses": (hypothesis,)})
        for label in schema.labels
        for n, hypothesis in enumerate(label.hypotheses)
    ]
    return LabelSchema.model_construct(catch_all=labels[0].name, labels=tuple(labels))


def unentailed_hypotheses(schema: LabelSchema, entailment: Scores) -> list[Finding]:
    """Hypotheses that no text entails.

    Args:
        entailment: (N, H) probabilities, one column a hypothesis in schema order.
    """
    hypotheses = [(label.name, text) for label in schema.labels for text in label.hypotheses]
    highest = entailment.max(axis=0)  # (H,)
    return [
        Finding(
            name,
            f"no text entails {text!r} (highest {reached:.2f})",
            "word it as a plain statement that is true of such a message",
        )
        for (name, text), reached in zip(hypotheses, highest, strict=True)
        if reached < _ENTAILED
    ]
