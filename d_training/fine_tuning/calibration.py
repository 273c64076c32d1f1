"""Confidences that mean something: one temperature, and the confidence below which to abstain.

Both are taken from validation rows, which the weights were not fitted to, and fitted to what an
exported file computes: INT8 and float32 differ in confidence even where they agree on the label.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.metrics import soft_cross_entropy
from common.onnx.model import softmax

# Half a per cent apart, from five times sharper to five times flatter.
_TEMPERATURES = np.geomspace(0.2, 5.0, 646)


class Calibration(NamedTuple):
    """What turns a file's logits into answers; abstain_threshold: see ``abstain_threshold``."""

    temperature: float
    abstain_threshold: float

    def probs(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, K) calibrated probabilities of (N, K) logits."""
        return softmax(logits / np.float32(self.temperature))


def calibrate(
    logits: NDArray[np.float32], targets: NDArray[np.float32], *, abstained_share: float
) -> Calibration:
    """Fit both to (N, K) logits of validation rows and their soft labels."""
    temperature = fit_temperature(logits, targets)
    confidence = softmax(logits / np.float32(temperature)).max(axis=1)
    return Calibration(temperature, abstain_threshold(confidence, share=abstained_share))


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
