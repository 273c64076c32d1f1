"""An evaluation as text for a terminal, at most 120 columns wide but for a long file name."""

from collections.abc import Sequence
from typing import Any

_LONGEST_LABEL = 44
_NARROWEST = 16  # first column
_COLUMNS = {
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "95 % interval": "macro_f1_interval_95",
    "answered": "coverage",
    "right of those": "accuracy_at_coverage",
    "best 70 %": "accuracy_at_70",
    "calib. error": "expected_calibration_error",
}


def table(evaluation: dict[str, Any]) -> str:
    """Systems side by side, then F1 by label; names the data and what it is worth."""
    systems = evaluation["baselines"] | {k: evaluation[k] for k in ("teacher", "student")}
    lines = [
        "",
        *_data_lines(evaluation["gold"]),
        "",
        *aligned(
            ["", *_COLUMNS],
            [
                [name, *(_number(figures.get(key)) for key in _COLUMNS.values())]
                for name, figures in systems.items()
            ],
        ),
        "",
        *aligned(
            ["F1 by label", "texts", *systems],
            [
                [
                    _shortened(label),
                    f"{evaluation['student']['per_label'][label]['support']:,}",
                    *(f"{s['per_label'][label]['f1']:.2f}" for s in systems.values()),
                ]
                for label in evaluation["labels"]
            ],
        ),
        "",
        *_notes(evaluation),
    ]
    return "\n".join(lines) + "\n"


def worth(hand_labels: dict[str, Any]) -> str:
    """How many hand labels the student is worth, in words."""
    enough, sizes = hand_labels["worth"], [point["labels"] for point in hand_labels["points"]]
    if enough is None:
        return f"more than {sizes[-1]:,}"
    return f"{'at most' if enough == sizes[0] else 'about'} {enough:,}"


def _data_lines(gold: dict[str, Any]) -> list[str]:
    left_out = "".join(f", {n:,} left out ({reason})" for reason, n in gold["left_out"].items())
    lines = [f"Evaluation on {gold['file']}: {gold['texts']:,} texts{left_out}"]
    if gold["generated"]:
        lines.append("These texts are generated: the figures say nothing about real text.")
    return lines


def _notes(evaluation: dict[str, Any]) -> list[str]:
    gold, unseen, hand_labels = (evaluation[k] for k in ("gold", "unseen", "hand_labels"))
    seen = f"{gold['texts'] - unseen['texts']:,} of the texts were seen, without their labels, in "
    seen += "training"
    if unseen["texts"]:
        seen += f"; on the other {unseen['texts']:,} the student's macro-F1 is "
        seen += f"{unseen['student_macro_f1']:.3f}"
    lines = [seen]
    if hand_labels:
        lines.append(
            f"the student is worth {worth(hand_labels)} hand labels, by logistic regressions "
            "trained on labels of this gold; it saw none"
        )
    int8 = evaluation["int8"]
    lines += [
        f"INT8 against float32: macro-F1 difference {int8['difference']:+.3f} "
        f"({int8['int8_macro_f1']:.3f}, {int8['float32_macro_f1']:.3f}), equal labels "
        f"{100 * int8['equal_labels']:.1f} %",
        f"student: model {evaluation['model']}, {evaluation['served']} as served; best 70 %: "
        "right of the 70 % that a system is most sure of",
        "majority: the most frequent label of this gold",
    ]
    if "bare names" in evaluation["baselines"]:
        lines[-1] += "; bare names, descriptions: the nearest to a frozen encoder, untuned"
    return lines


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns as wide as they need: the first to the left, the others to the right."""
    widths = [max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)]
    widths[0] = max(widths[0] - 2, _NARROWEST)
    lines = [
        row[0].ljust(widths[0]) + "".join(map(str.rjust, row[1:], widths[1:]))
        for row in (header, *rows)
    ]
    return [line.rstrip() for line in lines]


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _number(value: float | Sequence[float] | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else " to ".join(f"{v:.3f}" for v in value)
