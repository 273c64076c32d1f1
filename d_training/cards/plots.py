"""The four pictures of a model folder, drawn without a display, and the style of all pictures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.metrics import calibration_bins, expected_calibration_error
from d_training.fine_tuning.fit import Fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 150
TEACHER, STUDENT, GREY, COUNTS = "#b0b7c3", "#2563eb", "#6b7280", "#f59e0b"


def draw_confusion(path: Path, confusion: NDArray[np.int64], labels: Sequence[str]) -> None:
    """Teacher's label down, student's across; colour is the share of the row, numbers count."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)  # (K, K)
    size = 2.6 + 0.75 * len(labels)
    with picture(path, width=size + 1.2, height=size) as (axes,):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(confusion):
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
        places = np.arange(len(labels))
        axes.set_xticks(places, labels, rotation=30, ha="right")
        axes.set_yticks(places, labels)
        axes.set_xlabel("student")
        axes.set_ylabel("teacher")
        axes.set_title("Student against teacher, held-out texts")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)


def draw_reliability(
    path: Path, confidence: NDArray[np.floating], agrees: NDArray[np.bool_]
) -> None:
    """Confidence against agreement with the teacher, and how many texts each bar stands for."""
    bins = calibration_bins(confidence, agrees)
    error = expected_calibration_error(confidence, agrees)
    filled = bins.rows > 0
    width = 1 / len(bins.rows)
    centres = (np.arange(len(bins.rows)) + 0.5) * width
    sizes = bins.rows / bins.rows.sum()
    with picture(path, width=5.6, height=5.0) as (axes,):
        axes.bar(
            centres[filled], bins.accuracy[filled], width * 0.92, color=STUDENT, alpha=0.85,
            label="agreement with the teacher",
        )  # fmt: skip
        axes.bar(centres, sizes, width * 0.4, color=COUNTS, label="share of texts")
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("student's confidence")
        axes.set_ylabel("share")
        axes.set_title(f"Reliability, held-out texts (calibration error {error:.3f})")
        axes.legend(loc="upper left", frameon=False)


def draw_label_shares(
    path: Path, shares: dict[str, NDArray[np.float64]], labels: Sequence[str]
) -> None:
    """Share of each label, a bar for each named group of texts."""
    places = np.arange(len(labels))
    height = 0.8 / len(shares)
    colours = (TEACHER, GREY, STUDENT)
    with picture(path, width=6.4, height=1.6 + 0.55 * len(labels)) as (axes,):
        for n, ((name, values), colour) in enumerate(zip(shares.items(), colours, strict=False)):
            offset = (n - (len(shares) - 1) / 2) * height
            bars = axes.barh(places + offset, 100 * values, height, color=colour, label=name)
            axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=8, color=GREY)
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.set_xlabel("% of texts")
        axes.set_title("How often each label occurs")
        axes.legend(frameon=False, loc="best")


def draw_learning_curve(path: Path, fitted: Fitted) -> None:
    """Training and validation loss by texts seen, and the point whose weights were kept."""
    seen = [look.texts for look in fitted.curve]
    kept = fitted.curve[fitted.best]
    with picture(path, width=6.0, height=4.2) as (axes,):
        losses = [look.train_loss for look in fitted.curve]
        axes.plot(seen, losses, color=GREY, marker=".", label="training (since the last look)")
        losses = [look.validation_loss for look in fitted.curve]
        axes.plot(seen, losses, color=STUDENT, marker=".", label="validation")
        axes.plot(
            kept.texts, kept.validation_loss, "o", markersize=10, markerfacecolor="none",
            color=STUDENT, label=f"kept ({kept.validation_loss:.3f})",
        )  # fmt: skip
        axes.set_xlim(left=0)
        axes.set_xlabel("texts trained on, repeats included")
        axes.set_ylabel("cross-entropy with the soft labels (nats)")
        axes.set_title("Learning curve")
        axes.legend(frameon=False)


@contextmanager
def picture(path: Path, *, width: float, height: float, panels: int = 1) -> Iterator[list["Axes"]]:
    """The axes of a picture of so many inches, side by side, saved to ``path`` at the end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    drawn = [figure.add_subplot(1, panels, n + 1) for n in range(panels)]
    for axes in drawn:
        axes.spines[["top", "right"]].set_visible(False)
    yield drawn
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DPI)
