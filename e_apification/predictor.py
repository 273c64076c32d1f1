"""The production model as the server and bulk scoring use it: raw texts in, predictions out.

Only what needs no torch, transformers, pyspark or pandas is imported here.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.onnx_model import OnnxModel, softmax
from common.registry import LABELS, METRICS, TOKENIZER, served_model, verified_served
from common.text import natural_text, rules_sha256

logger = logging.getLogger(__name__)


class ModelFacts(BaseModel):
    """What training measured and the server must know; the rest of metrics.json is its own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    max_length: int = Field(ge=2)
    temperature: float = Field(gt=0)
    abstain_threshold: float = Field(ge=0, le=1)
    labels_sha256: str
    text_rules_sha256: str


class Prediction(NamedTuple):
    """One text's result; ``label`` is None where the model abstains.

    scores: probabilities in schema order; confidence: the largest of them; truncated: the text is
    longer than the model reads.
    """

    label: str | None
    confidence: float
    scores: tuple[float, ...]
    truncated: bool


class Predictor(Protocol):
    """What serving needs of a model."""

    version: str
    labels: LabelSchema
    facts: ModelFacts
    metadata: dict[str, str]

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label raw texts; the result of one never depends on its neighbours."""


class OnnxPredictor:
    """A verified model folder, loaded once; safe to call from several threads."""

    def __init__(self, folder: Path, *, version: str, threads: int) -> None:
        """Load a model folder whose files are already verified.

        Raises:
            DataError: if the folder contradicts itself or was made with other text rules.
        """
        self.version = version
        self.facts = _read_facts(folder / METRICS)
        self.labels = load_labels(folder / LABELS)
        _check_digests(self.facts, self.labels, version=version)
        self._model = OnnxModel(
            folder / served_model(folder),
            folder / TOKENIZER,
            max_length=self.facts.max_length,
            threads=threads,
        )
        self.metadata = self._model.metadata
        if self._model.width != len(self.labels.names):
            raise DataError(
                f"model {version} gives {self._model.width} scores and its labels.yaml names "
                f"{len(self.labels.names)} labels; run `make train_model`"
            )
        self.predict(["warm up"])

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label raw texts, each in a model run of its own.

        One that holds nothing to read (only a link, say) is always abstained on.
        """
        return self.predict_natural([natural_text(text) for text in texts])

    def predict_natural(self, natural: Sequence[str]) -> list[Prediction]:
        """Label texts that have been through ``natural_text`` already."""
        outputs = self._model.run(list(natural))
        scores = softmax(outputs.values / np.float32(self.facts.temperature))  # (N, K)
        return [
            self._decide(row, readable=bool(text), truncated=bool(cut))
            for text, row, cut in zip(natural, scores.tolist(), outputs.truncated, strict=True)
        ]

    def _decide(self, scores: list[float], *, readable: bool, truncated: bool) -> Prediction:
        confidence = max(scores)
        sure = readable and confidence >= self.facts.abstain_threshold
        label = self.labels.names[scores.index(confidence)] if sure else None
        return Prediction(label, confidence, tuple(scores), truncated)


def load_predictor(models: Path, version: str, *, threads: int) -> OnnxPredictor:
    """Verify and load a model.

    Raises:
        DataError: if it is missing, a file was changed, or it does not fit this code.
    """
    folder = verified_served(models, version)
    predictor = OnnxPredictor(folder, version=version, threads=threads)
    logger.info("model %s: %s", version, ", ".join(predictor.labels.names))
    return predictor


def _read_facts(path: Path) -> ModelFacts:
    try:
        return ModelFacts.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise DataError(f"{path} lacks what serving needs ({problems}); train anew") from None


def _check_digests(facts: ModelFacts, labels: LabelSchema, *, version: str) -> None:
    if facts.text_rules_sha256 != rules_sha256():
        raise DataError(
            f"model {version} was trained with text rules {facts.text_rules_sha256[:12]}, this "
            f"code has {rules_sha256()[:12]}: run `make train_model` for a model with the present "
            "rules, or serve the old one with the code that made it"
        )
    if facts.labels_sha256 != labels.sha256:
        raise DataError(
            f"model {version} was trained with labels {facts.labels_sha256[:12]}, its labels.yaml "
            f"is {labels.sha256[:12]}: restore the model folder, or run `make train_model`"
        )
