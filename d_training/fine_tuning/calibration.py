"""Confidences that mean something: one temperature, and the confidence below which to abstain.

Both are taken from validation rows, which the weights were not fitted to.
"""

import numpy as np
from numpy.typing import NDArray

from common.metrics import soft_cross_entropy
from common.onnx.model import softmax

# Half a per cent apart, from five times sharper to five times flatter.
_TEMPERATURES = np.geomspace(0.2, 5.0, 646)


def fit_temperature(logits: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """The T whose softmax(logits / T) is nearest in cross-entropy to the soft labels.

    Args:
        logits: (N, K).
        targets: (N, K) soft labels, each row summing to 1.
    """
    losses = [
        soft_cross_entropy(softmax(logits / np.float32(temperature)), targets)
        for temperature in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def abstain_threshold(confidence: NDArray[np.float32], *, share: float) -> float:
    """The confidence below which a ``share`` of these rows lies; 0 where the share is 0.

    The student so abstains as often as its teacher did, whose scale of confidence is another.
    """
    return round(float(np.quantile(confidence, share)), 4) if share > 0 else 0.0
