"""The production model as the server and bulk scoring use it: raw texts in, predictions out.

Only what needs no torch, transformers, pyspark or pandas is imported here.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from common.errors import DataError, TriageError
from common.labels import LabelSchema, load_labels
from common.models.metrics import ServedMetrics, read_served
from common.models.registry import LABELS, TOKENIZER, verified_served
from common.onnx.model import OnnxModel, softmax
from common.text import rules_sha256

# What every model must give sound answers to before it serves: nothing, a little, too much.
_TRIALS = ("", "where is my parcel?", "refund " * 2_000, "\u00e9\U0001f600")
logger = logging.getLogger(__name__)


class Prediction(NamedTuple):
    """One text's result; ``label`` is None where the model abstains.

    scores: probabilities in schema order; confidence: the largest of them; truncated: the natural
    text is longer than the model reads; tokens: what it read of it; readable: the natural text is
    not empty.
    """

    label: str | None
    confidence: float
    scores: tuple[float, ...]
    truncated: bool
    tokens: int = 0
    readable: bool = True


class Predictor(Protocol):
    """What serving needs of a model."""

    model_id: str
    labels: LabelSchema
    facts: ServedMetrics
    metadata: dict[str, str]

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label raw texts; the result of one never depends on its neighbours."""


class OnnxPredictor:
    """A verified model folder, loaded once; safe to call from several threads."""

    def __init__(self, folder: Path, *, model_id: str, threads: int) -> None:
        """Load a model folder whose files are already verified.

        Raises:
            DataError: if the folder contradicts itself or was made with other text rules.
        """
        self.model_id = model_id
        self.facts = read_served(folder)
        self.labels = load_labels(folder / LABELS)
        _check_digests(self.facts, self.labels, model_id=model_id)
        self._model = OnnxModel(
            folder / self.facts.served,
            folder / TOKENIZER,
            max_length=self.facts.max_length,
            threads=threads,
        )
        self.metadata = self._model.metadata
        if self._model.width != len(self.labels.names):
            raise DataError(
                f"model {model_id} gives {self._model.width} scores and its labels.yaml names "
                f"{len(self.labels.names)} labels; run `make train_model`"
            )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label raw texts, each in a model run of its own.

        One that holds nothing to read (only a link, say) is always abstained on.
        """
        return self.predict_natural([self.facts.text_rules.natural(text) for text in texts])

    def predict_natural(self, natural: Sequence[str]) -> list[Prediction]:
        """Label texts that the model's text rules have made natural already."""
        outputs = self._model.run(list(natural))
        scores = softmax(outputs.values / np.float32(self.facts.temperature))  # (N, K)
        return [
            self._decide(row, readable=bool(text), truncated=bool(cut), tokens=tokens)
            for text, row, cut, tokens in zip(
                natural, scores.tolist(), outputs.truncated, outputs.tokens.tolist(), strict=True
            )
        ]

    def _decide(
        self, scores: list[float], *, readable: bool, truncated: bool, tokens: int
    ) -> Prediction:
        confidence = max(scores)
        sure = readable and confidence >= self.facts.abstain_threshold
        label = self.labels.names[scores.index(confidence)] if sure else None
        return Prediction(label, confidence, tuple(scores), truncated, tokens, readable)


def load_predictor(models: Path, model_id: str, *, threads: int) -> OnnxPredictor:
    """Verify and load a model, warm it up and try it.

    Raises:
        DataError: if it is missing, a file was changed, or it cannot answer with this code.
    """
    folder = verified_served(models, model_id)
    try:
        predictor = OnnxPredictor(folder, model_id=model_id, threads=threads)
        _self_test(predictor)
    except TriageError:
        raise
    except Exception as error:  # ONNX Runtime and tokenizers raise what they like
        raise DataError(
            f"model {model_id} cannot be run ({type(error).__name__}); train it anew, or serve "
            "another one: make rollback"
        ) from error
    logger.info("model %s: %s", model_id, ", ".join(predictor.labels.names))
    return predictor


def _self_test(predictor: OnnxPredictor) -> None:
    """Warm up with texts that all have an answer, and hold the answers to what they must be."""
    for text in _TRIALS:
        first, again = (predictor.predict([text])[0] for _ in range(2))
        if first != again or not math.isclose(sum(first.scores), 1, abs_tol=1e-3):
            raise DataError(
                f"model {predictor.model_id} failed its self-test: its scores are no probabilities "
                "or differ for one text; train it anew, or serve another one: make rollback"
            )


def _check_digests(facts: ServedMetrics, labels: LabelSchema, *, model_id: str) -> None:
    if facts.text_rules_sha256 != rules_sha256():
        raise DataError(
            f"model {model_id} was trained with text rules {facts.text_rules_sha256[:12]}, this "
            f"code has {rules_sha256()[:12]}: run `make train_model` for a model with the present "
            "rules, or serve the old one with the code that made it"
        )
    if facts.labels_sha256 != labels.sha256:
        raise DataError(
            f"model {model_id} was trained with labels {facts.labels_sha256[:12]}, its labels.yaml "
            f"is {labels.sha256[:12]}: restore the model folder, or run `make train_model`"
        )
