"""The embedding teacher: a sentence encoder and a head fitted to the label schema's own words.

Nothing but the labels file teaches it: a logistic regression over the embeddings of each label's
examples (its description and hypotheses where it has none), fitted anew at each start.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from c_classification.exported import MODEL, TOKENIZER, export_once
from c_classification.teacher import Scores
from common.labels import Label, LabelSchema
from common.onnx_model import OnnxModel
from common.schema import ClassificationSettings
from common.weights import checkpoint_folder

# Who is spoken to says nothing about what the message is about.
_HANDLES = re.compile(r"@(?:brand|user)(?![0-9A-Za-z_])[ ,.:]*")
_INVERSE_REGULARISATION = 3.0


def prepare_embedding(settings: ClassificationSettings, *, cache: Path) -> Path:
    """The folder of the exported encoder."""
    chosen = settings.embedding
    checkpoint = checkpoint_folder(chosen.checkpoint, revision=chosen.revision)
    return export_once(checkpoint, kind="encoder", int8=chosen.int8, cache=cache)


class EmbeddingTeacher:
    """Embeds each text alone, so that its scores never depend on its neighbours."""

    def __init__(
        self, settings: ClassificationSettings, schema: LabelSchema, folder: Path, *, threads: int
    ) -> None:
        self._encoder = OnnxModel(
            folder / MODEL, folder / TOKENIZER, max_length=settings.max_length, threads=threads
        )
        taught = [(text, k) for k, label in enumerate(schema.labels) for text in lessons(label)]
        texts, classes = zip(*taught, strict=True)
        self._head = LogisticRegression(C=_INVERSE_REGULARISATION, class_weight="balanced")
        self._head.fit(self._embed(texts), classes)

    def score(self, texts: Sequence[str]) -> Scores:
        """(N, K) probabilities; rows sum to 1."""
        if not texts:
            return np.zeros((0, len(self._head.classes_)), np.float32)
        return np.asarray(self._head.predict_proba(self._embed(texts)), np.float32)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.run([without_handles(text) for text in texts]).values  # (N, D)


def lessons(label: Label) -> tuple[str, ...]:
    """The texts that stand for a label: its examples, else what is said about it."""
    return label.examples or (label.description, *label.hypotheses)


def without_handles(text: str) -> str:
    """The text less its @brand and @user; as it is where nothing else is in it."""
    return _HANDLES.sub("", text).strip() or text
