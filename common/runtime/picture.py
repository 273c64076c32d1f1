"""The style of all plots, drawn without a display."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 150
TEACHER, STUDENT, GREY, COUNTS = "#b0b7c3", "#2563eb", "#6b7280", "#f59e0b"


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
