"""The embedding teacher: a sentence encoder and a head fitted to the label schema's own words.

Nothing but the labels file teaches it. The encoder is tuned to what the schema says of each label
(description, hypotheses, examples), and a logistic regression over the embeddings of the same
sentences, fitted anew at each start, turns similarity into probabilities.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from c_classification.teacher.exported import load_model, prepare_model
from c_classification.teacher.member import Among, Scores
from c_classification.teacher.tuning import BATCH, Course, Lesson, tune_once
from common.config.classification import ClassificationSettings
from common.labels import LabelSchema
from common.onnx.device import Device
from common.onnx.model import softmax
from common.onnx.text_model import TextModel
from common.onnx.torch_model import TorchModel
from common.onnx.weights import checkpoint_folder
from common.onnx.wheels import MPNET_WHEELS, mpnet_folder

# Who is spoken to says nothing about what the message is about.
_HANDLES = re.compile(r"@(?:brand|user)(?![0-9A-Za-z_])[ ,.:]*")
# The fewer sentences a label has, the more one strength of regularisation shrinks its weights and
# so its confidence. Over sentences a label, calibration holds from 6 a label (77 intents) to 124.
_INVERSE_REGULARISATION = 370.0
_TEMPERATURE = 0.75
_SEED = 17
_PASSES = 4  # over the sentences; with more, a short labels file is learnt by heart


def prepare_embedding(
    settings: ClassificationSettings,
    schema: LabelSchema,
    *,
    cache: Path,
    device: Device = "cpu",
) -> Path:
    """The folder of the encoder."""
    chosen = settings.embedding
    checkpoint = base_checkpoint(settings, cache=cache)
    if chosen.tune_steps:
        checkpoint = tune_once(checkpoint, course_of(settings, schema), cache=cache, device=device)
    return prepare_model(checkpoint, kind="encoder", int8=chosen.int8, cache=cache, device=device)


def frozen_encoder(settings: ClassificationSettings, *, cache: Path, device: Device) -> TextModel:
    """The encoder before any tuning, for what the labels' wording alone is worth."""
    return TorchModel(
        base_checkpoint(settings, cache=cache),
        kind="encoder",
        max_length=settings.max_length,
        device=device,
    )


def base_checkpoint(settings: ClassificationSettings, *, cache: Path) -> Path:
    """The folder of the encoder that tuning starts from."""
    chosen = settings.embedding
    if chosen.checkpoint == MPNET_WHEELS:
        return mpnet_folder(cache=cache)
    return checkpoint_folder(chosen.checkpoint, revision=chosen.revision)


def course_of(settings: ClassificationSettings, schema: LabelSchema) -> Course:
    """What the encoder is taught of the schema; a short one in fewer steps."""
    taught = lessons(schema)
    enough = max(1, _PASSES * len(taught) // BATCH)
    steps = min(settings.embedding.tune_steps, enough)
    return Course(taught, steps=steps, seed=_SEED)


class EmbeddingTeacher:
    """Embeds each text alone, so that its scores never depend on its neighbours."""

    def __init__(
        self,
        settings: ClassificationSettings,
        schema: LabelSchema,
        folder: Path,
        *,
        threads: int,
        device: Device = "cpu",
    ) -> None:
        from sklearn.linear_model import LogisticRegression  # seconds, which an unchanged run saves

        self._encoder = load_model(
            folder,
            kind="encoder",
            max_length=settings.max_length,
            threads=threads,
            device=device,
        )
        texts, classes = zip(*lessons(schema), strict=True)
        a_label = len(texts) / len(schema.names)
        self._head = LogisticRegression(
            C=_INVERSE_REGULARISATION / a_label, class_weight="balanced", max_iter=1000
        )
        self._head.fit(self._encoder.run(texts).values, classes)

    def score(self, texts: Sequence[str], among: Among | None = None) -> Scores:
        """(N, K) probabilities; rows sum to 1. ``among`` would spare it nothing."""
        if not texts:
            return np.zeros((0, len(self._head.classes_)), np.float32)
        vectors = self._encoder.run([without_handles(text) for text in texts]).values  # (N, D)
        log_probs = self._head.predict_log_proba(vectors)
        return softmax(np.asarray(log_probs / _TEMPERATURE, np.float32))


def lessons(schema: LabelSchema) -> list[Lesson]:
    """The sentences that stand for the labels: all that the schema says of each."""
    return [Lesson(without_handles(text), k) for text, k in schema.sentences]


def without_handles(text: str) -> str:
    """The text less its @brand and @user; as it is where nothing else is in it."""
    return _HANDLES.sub("", text).strip() or text
