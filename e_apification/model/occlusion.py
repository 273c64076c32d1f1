"""Which words made the label: each left out in turn, and how much less likely the label then is."""

import re
from typing import NamedTuple

from e_apification.model.inference import InferenceService
from e_apification.model.predictor import Prediction

_WORD = re.compile(r"\S+")


class Word(NamedTuple):
    """A word, its place in the text, and by how much its absence lowers the label's score."""

    word: str
    start: int
    end: int
    weight: float


class Explanation(NamedTuple):
    """words: in their order, the first ones of a long text; untested: how many more there are."""

    model_id: str
    prediction: Prediction
    label: str
    words: list[Word]
    untested: int


async def explain(service: InferenceService, text: str, *, max_words: int) -> Explanation:
    """Explain the best label of a text, whether or not the model is sure of it.

    Raises:
        OverloadedError: if too much waits already.
    """
    found = list(_WORD.finditer(text))
    tested = found[:max_words]
    without = [text[: word.start()] + text[word.end() :] for word in tested]
    scored = await service.predict([text, *without])
    whole, *rest = scored.predictions
    best = whole.scores.index(max(whole.scores))
    return Explanation(
        model_id=scored.predictor.model_id,
        prediction=whole,
        label=scored.predictor.labels.names[best],
        words=[
            Word(word.group(), word.start(), word.end(), whole.scores[best] - less.scores[best])
            for word, less in zip(tested, rest, strict=True)
        ],
        untested=len(found) - len(tested),
    )
