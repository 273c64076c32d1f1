"""The answers of a model folder as they are served: INT8, one text a run, calibrated."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.onnx_model import softmax
from d_training.describe import METRICS
from d_training.export import MODEL_INT8, onnx_logits
from d_training.gold import Answers


def served_answers(folder: Path, texts: Sequence[str]) -> Answers:
    """Probabilities for natural texts; silent where the model is unsure or there is no text."""
    facts = json.loads((folder / METRICS).read_bytes())
    logits = onnx_logits(folder, texts, model=MODEL_INT8, max_length=facts["max_length"])
    probs: NDArray[np.float32] = softmax(logits / np.float32(facts["temperature"]))
    readable = np.array([bool(text) for text in texts])
    return Answers(probs, readable & (probs.max(axis=1) >= facts["abstain_threshold"]))
