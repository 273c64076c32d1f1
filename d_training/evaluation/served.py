"""The answers of a model folder as they are served: by the file that serves, calibrated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.models.metrics import read_metrics
from common.onnx.model import softmax
from d_training.evaluation.gold import Answers
from d_training.export.onnx import onnx_logits


def served_answers(folder: Path, texts: Sequence[str], *, model: str | None = None) -> Answers:
    """Probabilities for natural texts; silent where the model is unsure or there is no text.

    ``model`` asks another file of the folder than the one that serves, by its own calibration.
    """
    metrics = read_metrics(folder)
    name = model or metrics.served
    by = next(export for export in metrics.exports if export.file == name)
    logits = onnx_logits(folder, texts, model=name, max_length=metrics.max_length)
    probs: NDArray[np.float32] = softmax(logits / np.float32(by.temperature))
    readable = np.array([bool(text) for text in texts])
    return Answers(probs, readable & (probs.max(axis=1) >= by.abstain_threshold))
