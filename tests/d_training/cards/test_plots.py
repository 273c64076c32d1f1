from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.models.metrics import TrainingMetrics
from d_training.cards import plots
from d_training.held_out.figures import reliability_bins
from tests.d_training.cards.test_model_card import FACTS

LABELS = ("billing issue", "shipping problem", "other")


def pixels(path: Path) -> np.ndarray:
    from matplotlib import image

    return image.imread(path)


def confusion(path: Path) -> None:
    plots.draw_confusion(path, np.array([[9, 1, 0], [2, 7, 1], [0, 0, 0]]), LABELS)


def reliability(path: Path) -> None:
    confidence, agrees = np.array([0.4, 0.6, 0.9, 0.95]), np.array([False, True, True, True])
    plots.draw_reliability(path, reliability_bins(confidence, agrees), error=0.25)


def label_shares(path: Path) -> None:
    shares = {"teacher": [0.2, 0.3, 0.5], "student": [0.25, 0.25, 0.5]}
    plots.draw_label_shares(path, shares, LABELS)


def learning_curve(path: Path) -> None:
    names = ("texts", "train_loss", "validation_loss")
    points = [(100, 1.5, 1.4), (200, 1.2, 1.1), (300, 1.0, 1.2)]
    curve = [dict(zip(names, point, strict=True)) for point in points]
    content = FACTS["training"] | {"curve": curve, "kept": curve[1]}
    plots.draw_learning_curve(path, TrainingMetrics.model_validate(content))


@pytest.mark.parametrize("draw", [confusion, reliability, label_shares, learning_curve])
def test_picture_is_a_png_with_something_on_it(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "picture.png"
    draw(path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    seen = pixels(path)
    assert seen.shape[0] > 300 and seen.shape[1] > 300
    assert 0.02 < (seen[..., :3].min(axis=2) < 0.9).mean() < 0.9


def test_confusion_colours_follow_the_shares(tmp_path: Path) -> None:
    confusion(tmp_path / "a.png")
    plots.draw_confusion(
        tmp_path / "b.png", np.array([[90, 10, 0], [20, 70, 10], [0, 0, 0]]), LABELS
    )
    light, dark = (pixels(tmp_path / name)[..., :3] for name in ("a.png", "b.png"))
    # Ten times the counts in the same shares: only the numbers differ.
    assert 0 < (np.abs(light - dark).max(axis=2) > 0.1).mean() < 0.05
