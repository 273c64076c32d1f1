"""Draw images/pipeline.png, the picture in docs/architecture.md.

make images
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, PAPER, STAGE, DATA = "#1f2933", "#ffffff", "#dbeafe", "#f1f5f9"
STAGES = [
    ("a_ingestion", "land raw rows,\nquarantine the\nunreadable"),
    ("b_transformation", "PySpark: clean,\nthread, find brands,\ncheck quality"),
    ("c_classification", "zero-shot teacher:\nsoft labels,\nabstention"),
    ("d_training", "fine-tune BERT,\nevaluate, export\nONNX and INT8"),
    ("e_apification", "HTTP API,\nbulk scoring,\ncontainer"),
]
FOLDERS = ["Kaggle, CSV,\nhub, sample", "data/raw", "data/curated", "data/labeled", "models/<id>"]
STEP, WIDTH, HEIGHT, FOLDER = 3.1, 2.55, 1.75, 1.8


def box(ax: Axes, x: float, y: float, *, width: float, height: float, colour: str) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor=colour,
            edgecolor=INK,
            linewidth=1.1,
        )  # fmt: skip
    )


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, color=INK, linewidth=1.1)
    )


def draw(path: Path) -> None:
    fig, ax = plt.subplots(figsize=(13, 3.6), dpi=150)
    for i, ((name, what), folder) in enumerate(zip(STAGES, FOLDERS, strict=True)):
        x = i * STEP
        box(ax, x, 0, width=WIDTH, height=HEIGHT, colour=STAGE)
        ax.text(x + WIDTH / 2, 1.45, name, ha="center", va="center", size=10, weight="bold")
        ax.text(x + WIDTH / 2, 0.72, what, ha="center", va="center", size=9.5, color=INK)
        left = x - STEP / 2 + WIDTH / 2 - FOLDER / 2
        box(ax, left, 2.6, width=FOLDER, height=0.75, colour=DATA)
        ax.text(left + FOLDER / 2, 2.975, folder, ha="center", va="center", size=9.5, color=INK)
        arrow(ax, (left + FOLDER - 0.5, 2.58), (x + 0.55, HEIGHT + 0.05))
        if i < len(STAGES) - 1:
            arrow(ax, (x + WIDTH - 0.35, HEIGHT + 0.05), (left + STEP + 0.5, 2.58))
    end = (len(STAGES) - 1) * STEP + WIDTH
    arrow(ax, (end + 0.05, HEIGHT / 2), (end + 0.75, HEIGHT / 2))
    ax.text(end + 0.85, HEIGHT / 2, "POST /predict\nlabel and\nconfidence", va="center", size=10)
    ax.set_xlim(-1.2, end + 2.4)
    ax.set_ylim(-0.15, 3.5)
    ax.axis("off")
    fig.savefig(path, bbox_inches="tight", facecolor=PAPER, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(__file__).parent / "pipeline.png")
