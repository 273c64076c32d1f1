"""The pictures beside evaluation.json, drawn from what it says."""

from pathlib import Path

from common.models.evaluation import Evaluation, SystemScores
from common.runtime.picture import COUNTS, GREY, STUDENT, TEACHER, picture
from d_training.evaluation.table import worth

RELIABILITY, COVERAGE = "reliability_gold.png", "coverage_gold.png"
HAND_LABELS = "hand_labels.png"
_SYSTEMS = {"teacher": TEACHER, "student": STUDENT}


def draw_gold(folder: Path, evaluation: Evaluation) -> None:
    """Draw the pictures of ``expected_pictures`` and remove what an earlier evaluation left."""
    draw_reliability(folder / RELIABILITY, evaluation)
    draw_coverage(folder / COVERAGE, evaluation)
    if evaluation.hand_labels:
        draw_hand_labels(folder / HAND_LABELS, evaluation)
    else:
        (folder / HAND_LABELS).unlink(missing_ok=True)


def expected_pictures(evaluation: Evaluation) -> list[str]:
    """The names of the pictures that belong to an evaluation."""
    return [RELIABILITY, COVERAGE, *([HAND_LABELS] if evaluation.hand_labels else [])]


def draw_reliability(path: Path, evaluation: Evaluation) -> None:
    """Confidence against accuracy; the number on a bar counts the texts that it stands for."""
    with picture(path, width=10.4, height=5.0, panels=2) as panels:
        panels[0].figure.suptitle(_title("Reliability", evaluation))
        for axes, (name, color) in zip(panels, _SYSTEMS.items(), strict=True):
            scores, texts = _system(evaluation, name), evaluation.gold.texts
            bins = scores.reliability
            width = bins[0].high - bins[0].low
            centers = [(b.low + b.high) / 2 for b in bins]
            bars = axes.bar(
                centers, [b.accuracy for b in bins], width * 0.92, color=color, alpha=0.85,
                label="accuracy",
            )  # fmt: skip
            axes.bar(
                centers, [b.texts / texts for b in bins], width * 0.4, color=COUNTS,
                label="share of texts",
            )  # fmt: skip
            axes.bar_label(bars, [f"{b.texts:,}" for b in bins], padding=2, fontsize=8, color=GREY)
            axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.06)
            axes.set_xlabel(f"{name}'s confidence")
            axes.set_ylabel("share")
            error = scores.expected_calibration_error
            axes.set_title(f"{name} (calibration error {error:.3f})")
            axes.legend(loc="upper left", frameon=False)


def draw_coverage(path: Path, evaluation: Evaluation) -> None:
    """Accuracy of the texts that are left as the least confident ones go; and as it is set now."""
    lowest = 1.0
    with picture(path, width=6.4, height=4.8) as (axes,):
        for name, color in _SYSTEMS.items():
            scores = _system(evaluation, name)
            curve = scores.coverage_curve
            coverages = [100 * point.coverage for point in curve]
            accuracies = [100 * point.accuracy for point in curve]
            axes.plot(coverages, accuracies, color=color, marker=".", label=name)
            lowest = min(lowest, *(point.accuracy for point in curve))
            if scores.accuracy_at_coverage is not None:
                axes.plot(
                    100 * scores.coverage, 100 * scores.accuracy_at_coverage, "o",
                    markersize=10, markerfacecolor="none", color=color,
                    label=f"{name}, at the threshold that is set",
                )  # fmt: skip
        axes.axvline(70, color=GREY, linestyle=":", linewidth=1)
        axes.set_xlim(102, 8)
        axes.set_ylim(max(0.0, 100 * lowest - 5), 101)
        axes.set_xlabel("% of texts answered, the most confident ones")
        axes.set_ylabel("% of those that are right")
        axes.set_title(_title("Coverage and accuracy", evaluation))
        axes.legend(frameon=False, loc="lower right")


def draw_hand_labels(path: Path, evaluation: Evaluation) -> None:
    """Macro-F1 of training on hand labels, by their number, and where teacher and student are."""
    found = evaluation.hand_labels
    assert found is not None  # noqa: S101 drawn only where there is a curve
    points = found.points
    sizes = [point.labels for point in points]
    means = [point.macro_f1 for point in points]
    spread = [point.standard_deviation for point in points]
    with picture(path, width=7.0, height=4.8) as (axes,):
        axes.fill_between(
            sizes,
            [mean - off for mean, off in zip(means, spread, strict=True)],
            [mean + off for mean, off in zip(means, spread, strict=True)],
            color=COUNTS, alpha=0.2, linewidth=0, label="one standard deviation",
        )  # fmt: skip
        axes.plot(
            sizes, means, color=COUNTS, marker=".",
            label=f"logistic regression on N gold labels, mean of {points[0].repeats} draws",
        )  # fmt: skip
        for name, color in _SYSTEMS.items():
            score = _system(evaluation, name).macro_f1
            # The two may lie on one another: the teacher's is broken, and on top.
            axes.axhline(
                score, color=color, linestyle="--" if name == "teacher" else "-",
                zorder=3 if name == "teacher" else 2,
                label=f"{name}, no hand label ({score:.3f})",
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("hand labels trained on (of this gold; the rest of it is the test)")
        axes.set_ylabel("macro-F1")
        worded = f"The student is worth {worth(found)} hand labels"
        axes.set_title(_title(worded, evaluation))
        axes.legend(frameon=False, loc="best")


def _system(evaluation: Evaluation, name: str) -> SystemScores:
    return evaluation.teacher if name == "teacher" else evaluation.student


def _title(what: str, evaluation: Evaluation) -> str:
    gold = evaluation.gold
    texts = "generated texts" if gold.generated else "texts"
    return f"{what}\n{Path(gold.file).name}, {gold.texts:,} {texts}"
