import numpy as np
import pytest

from common.onnx.model import softmax
from d_training.fine_tuning.calibration import (
    Calibration,
    abstain_threshold,
    calibrate,
    fit_temperature,
)


def test_temperature_undoes_a_known_scale() -> None:
    logits = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32) * 2
    targets = softmax(logits)
    assert fit_temperature(logits, targets) == pytest.approx(1.0, rel=0.01)
    assert fit_temperature(logits * 3, targets) == pytest.approx(3.0, rel=0.01)
    assert fit_temperature(logits * np.float32(0.5), targets) == pytest.approx(0.5, rel=0.01)


def test_calibrated_probabilities_leave_out_the_wanted_share() -> None:
    logits = np.random.default_rng(0).normal(size=(1_000, 4)).astype(np.float32)
    found = calibrate(logits * 2, softmax(logits), abstained_share=0.25)
    assert found.temperature == pytest.approx(2.0, rel=0.01)
    probs = found.probs(logits * 2)
    np.testing.assert_allclose(probs, softmax(logits), atol=0.01)
    assert (probs.max(axis=1) < found.abstain_threshold).mean() == pytest.approx(0.25, abs=0.002)
    assert Calibration(2.0, 0.0).probs(np.array([[2, 0]], np.float32))[0, 0] == pytest.approx(
        0.7310586
    )


def test_threshold_abstains_on_the_given_share() -> None:
    confidence = np.arange(1, 101, dtype=np.float32) / np.float32(100)
    threshold = abstain_threshold(confidence, share=0.1)
    assert (confidence < threshold).mean() == 0.1
    assert abstain_threshold(confidence, share=0.0) == 0.0
