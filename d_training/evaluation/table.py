"""An evaluation as text for a terminal, at most 120 columns wide but for a long file name."""

from collections.abc import Sequence

from common.models.evaluation import Evaluation, GoldFile, HandLabels
from common.runtime.text_table import aligned

_LONGEST_LABEL = 44
_COLUMNS = {
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "95 % interval": "macro_f1_interval_95",
    "answered": "coverage",
    "right of those": "accuracy_at_coverage",
    "best 70 %": "accuracy_at_70",
    "calib. error": "expected_calibration_error",
}


def table(evaluation: Evaluation) -> str:
    """Systems side by side, then F1 by label; names the data and what it is worth."""
    systems = evaluation.systems
    lines = [
        "",
        *_data_lines(evaluation.gold),
        "",
        *aligned(
            ["", *_COLUMNS],
            [
                [name, *(_number(getattr(scores, key, None)) for key in _COLUMNS.values())]
                for name, scores in systems.items()
            ],
        ),
        "",
        *aligned(
            ["F1 by label", "texts", *systems],
            [
                [
                    _shortened(label),
                    f"{evaluation.student.per_label[label].support:,}",
                    *(f"{s.per_label[label].f1:.2f}" for s in systems.values()),
                ]
                for label in evaluation.labels
            ],
        ),
        "",
        *_notes(evaluation),
    ]
    return "\n".join(lines) + "\n"


def worth(hand_labels: HandLabels) -> str:
    """How many hand labels the student is worth, in words."""
    enough, sizes = hand_labels.worth, [point.labels for point in hand_labels.points]
    if enough is None:
        return f"more than {sizes[-1]:,}"
    return f"{'at most' if enough == sizes[0] else 'about'} {enough:,}"


def _data_lines(gold: GoldFile) -> list[str]:
    left_out = "".join(f", {n:,} left out ({reason})" for reason, n in gold.left_out.items())
    lines = [f"Evaluation on {gold.file}: {gold.texts:,} texts{left_out}"]
    if gold.generated:
        lines.append("These texts are generated: the figures say nothing about real text.")
    return lines


def _notes(evaluation: Evaluation) -> list[str]:
    gold, unseen, hand_labels = evaluation.gold, evaluation.unseen, evaluation.hand_labels
    seen = f"{gold.texts - unseen.texts:,} of the texts were seen, without their labels, in "
    seen += "training"
    if unseen.texts:
        seen += f"; on the other {unseen.texts:,} the student's macro-F1 is "
        seen += f"{unseen.student_macro_f1:.3f}"
    lines = [seen]
    if hand_labels:
        lines.append(
            f"the student is worth {worth(hand_labels)} hand labels, by logistic regressions "
            "trained on labels of this gold; it saw none"
        )
    int8 = evaluation.int8
    lines += [
        f"INT8 against float32: macro-F1 difference {int8.difference:+.3f} "
        f"({int8.int8_macro_f1:.3f}, {int8.float32_macro_f1:.3f}), equal labels "
        f"{100 * int8.equal_labels:.1f} %",
        f"student: model {evaluation.model_id}, {evaluation.served} as served; best 70 %: "
        "right of the 70 % that a system is most sure of",
        "majority: the most frequent label of this gold",
    ]
    if "bare names" in evaluation.baselines:
        lines[-1] += "; bare names, descriptions: the nearest to a frozen encoder, untuned"
    return lines


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _number(value: float | Sequence[float] | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else " to ".join(f"{v:.3f}" for v in value)
