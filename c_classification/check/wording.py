"""What can be said of a label schema from its wording alone: findings, each with what to change.

Embeddings come from the frozen encoder: one tuned to these very sentences would find no fault.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from c_classification.teacher.embedding import without_handles
from common.labels import LabelSchema
from common.text import clean_text, dedup_key, natural_text

_FEW_EXAMPLES = 10
# MiniLM's cosine of unrelated descriptions is below 0.4; "payments" and "money matters" reach 0.8.
_OVERLAP = 0.7
# How far another label must lead in a leave-one-out fit whose targets are 0 and 1.
_LEAD = 0.2
_PENALTY = 1.0
Vectors = NDArray[np.float32]


class Finding(NamedTuple):
    """What is wrong with a label (or with the whole schema, for an empty name)."""

    label: str
    found: str
    change: str


class Sentence(NamedTuple):
    """One sentence of the schema, of the label at a position."""

    label: int
    kind: str
    text: str


class Misplaced(NamedTuple):
    """A sentence nearer to ``other`` than to its own label; ``lead``: by how much."""

    sentence: Sentence
    other: int
    lead: float


def sentences_of(schema: LabelSchema) -> list[Sentence]:
    """All that the schema says of its labels, in its order."""
    return [
        Sentence(k, kind, text)
        for k, label in enumerate(schema.labels)
        for kind, texts in (
            ("description", (label.description,)),
            ("hypothesis", label.hypotheses),
            ("example", label.examples),
        )
        for text in texts
    ]


def thin_labels(schema: LabelSchema) -> list[Finding]:
    """Labels with too little said of them."""
    found = []
    for label in schema.labels:
        n = len(label.examples)
        if n < _FEW_EXAMPLES:
            said = f"{n} example{'s' * (n != 1)}" if n else "no example"
            change = "make up messages as people would write them: ten do, forty do much better"
            found.append(Finding(label.name, said, change))
        if set(clean_text(label.description).split()) <= set(clean_text(label.name).split()):
            said = "the description says no more than the name"
            change = "say what belongs here, and what goes to a neighbour"
            found.append(Finding(label.name, said, change))
    return found


def repeated_sentences(schema: LabelSchema, sentences: Sequence[Sentence]) -> list[Finding]:
    """Sentences under two labels, or twice under one."""
    found = []
    between: dict[tuple[int, int], list[str]] = defaultdict(list)
    for text, labels in _labels_of(sentences).items():
        for k, n in labels.items():
            if n > 1:
                said = f"{text!r} stands {n} times"
                found.append(Finding(schema.names[k], said, "keep it once"))
        for pair in combinations(sorted(labels), 2):
            between[pair].append(text)
    for (k, other), texts in between.items():
        more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
        said = f"{texts[0]!r} stands under {schema.names[other]} too{more}"
        found.append(Finding(schema.names[k], said, "keep it under the label that should own it"))
    return found


def overlapping_descriptions(schema: LabelSchema, descriptions: Vectors) -> list[Finding]:
    """Pairs of labels whose descriptions say nearly the same, the nearest first.

    Args:
        descriptions: (K, D) embeddings of unit length.
    """
    cosines = descriptions @ descriptions.T  # (K, K)
    pairs = [
        (float(cosines[a, b]), a, b)
        for a, b in combinations(range(len(schema.names)), 2)
        if cosines[a, b] >= _OVERLAP
    ]
    return [
        Finding(
            schema.names[a],
            f"its description is close to that of {schema.names[b]} (cosine {cosine:.2f})",
            "say in both what sets them apart, or make them one label",
        )
        for cosine, a, b in sorted(pairs, reverse=True)
    ]


def misplaced_sentences(sentences: Sequence[Sentence], vectors: Vectors) -> list[Misplaced]:
    """Sentences that all the others put under another label, the clearest first.

    Args:
        vectors: (N, D) embeddings of ``sentences``, of unit length.
    """
    labels = np.array([sentence.label for sentence in sentences])  # (N,)
    scores = leave_one_out_scores(vectors, labels)  # (N, K)
    other = scores.argmax(axis=1)
    lead = scores.max(axis=1) - scores[np.arange(len(labels)), labels]
    shared = _labels_of(sentences)
    found = [
        Misplaced(sentences[i], int(other[i]), float(lead[i]))
        for i in np.argsort(-lead, kind="stable").tolist()
        if lead[i] > _LEAD
    ]
    # A sentence that stands under both labels is a finding of its own.
    return [m for m in found if m.other not in shared[_key(m.sentence.text)]]


def misplaced_findings(
    schema: LabelSchema, sentences: Sequence[Sentence], misplaced: Sequence[Misplaced]
) -> list[Finding]:
    """One finding a label, for all its misplaced sentences."""
    totals = Counter(sentence.label for sentence in sentences)
    others: dict[int, Counter[int]] = defaultdict(Counter)
    for m in misplaced:
        others[m.sentence.label][m.other] += 1
    return [
        Finding(
            schema.names[k],
            f"{counts.total()} of {totals[k]} sentences read like another label, "
            f"most often like {schema.names[counts.most_common(1)[0][0]]}",
            "name the cause in each, or move it (listed below)",
        )
        for k, counts in sorted(others.items())
    ]


def leave_one_out_scores(vectors: Vectors, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, K): how much each sentence belongs to each label, judged by all the others.

    A ridge regression on one-hot targets, every label of equal weight: leaving a row out has a
    closed form there, so N fits cost no more than one.
    """
    rows = np.hstack([vectors, np.ones((len(vectors), 1))]).astype(np.float64)  # (N, D + 1)
    targets = np.eye(labels.max() + 1)[labels]  # (N, K)
    weights = len(labels) / targets.shape[1] / targets.sum(axis=0)[labels]  # (N,)
    penalty = np.diag([_PENALTY] * vectors.shape[1] + [0.0])
    inverse = np.linalg.inv((rows * weights[:, None]).T @ rows + penalty)
    projected = (rows * weights[:, None]) @ inverse  # (N, D + 1)
    fitted = rows @ (projected.T @ targets)  # (N, K)
    leverage = (projected * rows).sum(axis=1, keepdims=True)  # (N, 1)
    return np.asarray(targets - (targets - fitted) / (1 - leverage))


def _labels_of(sentences: Sequence[Sentence]) -> dict[str, Counter[int]]:
    """Each distinct sentence, and how often it stands under which label."""
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for sentence in sentences:
        found[_key(sentence.text)][sentence.label] += 1
    return found


def _key(text: str) -> str:
    """Equal for sentences that differ in case, punctuation or handles alone."""
    return dedup_key(without_handles(natural_text(text)))
