"""The four plots of a model, drawn from its metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.models.metrics import ModelMetrics, ReliabilityBin, TrainingMetrics
from common.runtime.picture import COUNTS, GREY, STUDENT, TEACHER, picture


def draw_plots(folder: Path, metrics: ModelMetrics) -> None:
    """Draw all four into ``folder``."""
    held_out, shares = metrics.held_out, metrics.label_shares
    confusion = np.array(held_out.confusion)
    draw_confusion(folder / "confusion_matrix.png", confusion, metrics.labels)
    draw_reliability(
        folder / "reliability.png",
        held_out.reliability,
        error=held_out.expected_calibration_error,
    )
    draw_label_shares(
        folder / "label_distribution.png",
        {
            "teacher, training texts": shares.teacher_train,
            "teacher, held-out texts": shares.teacher_held_out,
            "student, held-out texts": shares.student_held_out,
        },
        metrics.labels,
    )
    draw_learning_curve(folder / "learning_curve.png", metrics.training)


def draw_confusion(path: Path, confusion: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Teacher's label down, student's across; color is the share of the row, numbers count."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)  # (K, K)
    size = 2.6 + 0.75 * len(labels)
    with picture(path, width=size + 1.2, height=size) as (axes,):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(confusion):
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=color)
        places = np.arange(len(labels))
        axes.set_xticks(places, labels, rotation=30, ha="right")
        axes.set_yticks(places, labels)
        axes.set_xlabel("student")
        axes.set_ylabel("teacher")
        axes.set_title("Student against teacher, held-out texts")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)


def draw_reliability(path: Path, bins: Sequence[ReliabilityBin], *, error: float) -> None:
    """Confidence against agreement with the teacher, and how many texts each bar stands for."""
    total = sum(part.texts for part in bins)
    width = bins[0].high - bins[0].low
    centers = [(part.low + part.high) / 2 for part in bins]
    with picture(path, width=5.6, height=5.0) as (axes,):
        axes.bar(
            centers, [part.accuracy for part in bins], width * 0.92, color=STUDENT, alpha=0.85,
            label="agreement with the teacher",
        )  # fmt: skip
        sizes = [part.texts / total for part in bins]
        axes.bar(centers, sizes, width * 0.4, color=COUNTS, label="share of texts")
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("student's confidence")
        axes.set_ylabel("share")
        axes.set_title(f"Reliability, held-out texts (calibration error {error:.3f})")
        axes.legend(loc="upper left", frameon=False)


def draw_label_shares(
    path: Path, shares: Mapping[str, Sequence[float]], labels: Sequence[str]
) -> None:
    """Share of each label, a bar for each named group of texts."""
    places = np.arange(len(labels))
    height = 0.8 / len(shares)
    colors = (TEACHER, GREY, STUDENT)
    with picture(path, width=6.4, height=1.6 + 0.55 * len(labels)) as (axes,):
        for n, ((name, values), color) in enumerate(zip(shares.items(), colors, strict=False)):
            offset = (n - (len(shares) - 1) / 2) * height
            widths = 100 * np.asarray(values)
            bars = axes.barh(places + offset, widths, height, color=color, label=name)
            axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=8, color=GREY)
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.set_xlabel("% of texts")
        axes.set_title("How often each label occurs")
        axes.legend(frameon=False, loc="best")


def draw_learning_curve(path: Path, training: TrainingMetrics) -> None:
    """Training and validation loss by texts trained on, and the look whose weights were kept."""
    texts = [look.texts for look in training.curve]
    kept = training.kept
    with picture(path, width=6.0, height=4.2) as (axes,):
        losses = [look.train_loss for look in training.curve]
        axes.plot(texts, losses, color=GREY, marker=".", label="training (since the last look)")
        losses = [look.validation_loss for look in training.curve]
        axes.plot(texts, losses, color=STUDENT, marker=".", label="validation")
        axes.plot(
            kept.texts, kept.validation_loss, "o", markersize=10, markerfacecolor="none",
            color=STUDENT, label=f"kept ({kept.validation_loss:.3f})",
        )  # fmt: skip
        axes.set_xlim(left=0)
        axes.set_xlabel("texts trained on, repeats included")
        axes.set_ylabel("cross-entropy with the soft labels (nats)")
        axes.set_title("Learning curve")
        axes.legend(frameon=False)
