"""What a model has to beat: a keyword list, and the most frequent label of the gold itself."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common.labels import Label, LabelSchema
from common.text import clean_text

_SHORTEST_WORD = 4


def keyword_labels(texts: Sequence[str], schema: LabelSchema) -> NDArray[np.int64]:
    """Give each text the label with most keyword hits; the catch-all where there is none.

    Keywords are whole words or phrases of the cleaned text; of equal counts the first label in
    schema order wins.
    """
    keywords = [_keywords(label, schema) for label in schema.labels]
    catch_all = schema.names.index(schema.catch_all)
    chosen = np.empty(len(texts), np.int64)
    for row, text in enumerate(texts):
        padded = f" {clean_text(text)} "
        hits = [sum(f" {word} " in padded for word in words) for words in keywords]
        chosen[row] = hits.index(max(hits)) if any(hits) else catch_all
    return chosen


def majority_labels(truth: NDArray[np.integer], *, labels: int) -> NDArray[np.int64]:
    """The most frequent of ``truth``, for every row; it has seen the answers, and says so."""
    return np.full(len(truth), np.bincount(truth, minlength=labels).argmax(), np.int64)


def _keywords(label: Label, schema: LabelSchema) -> set[str]:
    """The label's keywords; without any, the words of its wording that no other label uses."""
    if label.keywords:
        return {clean_text(word) for word in label.keywords} - {""}
    users = Counter(word for other in schema.labels for word in _wording(other))
    return {word for word in _wording(label) if users[word] == 1}


def _wording(label: Label) -> set[str]:
    words = clean_text(" ".join((label.name, label.description, *label.examples))).split(" ")
    return {word for word in words if len(word) >= _SHORTEST_WORD}
