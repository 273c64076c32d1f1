"""The two pictures of a study: how the trials went, and which settings mattered."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.runtime.picture import GREY, STUDENT, TEACHER, picture


def draw_history(path: Path, trials: Sequence[Mapping[str, Any]]) -> None:
    """Validation loss by trial, and the best so far; trials without a loss are left out."""
    from matplotlib.ticker import MaxNLocator

    measured = [trial for trial in trials if trial["validation_loss"] is not None]
    whole = [trial for trial in measured if trial["state"] == "whole"]
    stopped = [trial for trial in measured if trial["state"] != "whole"]
    with picture(path, width=6.0, height=4.2) as (axes,):
        for group, colour, name in (
            (whole, STUDENT, "trained to the end"),
            (stopped, TEACHER, "stopped early"),
        ):
            if group:
                axes.plot(
                    [trial["trial"] for trial in group],
                    [trial["validation_loss"] for trial in group],
                    "o", color=colour, label=name,
                )  # fmt: skip
        if whole:
            losses = [trial["validation_loss"] for trial in whole]
            best = [min(losses[: n + 1]) for n in range(len(losses))]
            numbers = [trial["trial"] for trial in whole]
            axes.step(numbers, best, where="post", color=GREY, label="best so far")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel("validation loss (nats)")
        axes.set_title("Trials of the study")
        if measured:
            axes.legend(frameon=False)


def draw_importance(path: Path, importance: Mapping[str, float]) -> None:
    """A bar a setting, the most important on top."""
    names = sorted(importance, key=lambda name: importance[name])
    with picture(path, width=6.0, height=1.4 + 0.45 * len(names)) as (axes,):
        bars = axes.barh(names, [importance[name] for name in names], color=STUDENT)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8, color=GREY)
        axes.set_xlabel("share of what sets good trials apart")
        axes.set_title("Which settings mattered")
