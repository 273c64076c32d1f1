"""model_card.md: what the model is, how its labels came about, what it scores, where it ends."""

from collections.abc import Mapping
from typing import Any

from common.models.registry import MODEL_INT8
from d_training.cards import licences
from d_training.cards.markdown import format_values, markdown_table
from d_training.data.lessons import describe_label_source
from d_training.export.compare import BASELINE, OPTIMIZED

_ABOUT = {
    BASELINE: "model.onnx run as the file holds it",
    OPTIMIZED: "the same, optimised by ONNX Runtime as it is whenever model.onnx is loaded",
}


def model_card(facts: Mapping[str, Any]) -> str:
    """Markdown, from what metrics.json holds."""
    held_out, rows, labels = facts["held_out"], facts["rows"], facts["labels"]
    return f"""# Model {facts["model_id"]}

Sorts a message into one of {len(labels)} categories: {", ".join(labels)}.
It is {licences.weights(facts["student"])}, fine-tuned on the soft labels of a
zero-shot teacher. {_people(rows.get("human", 0))}

- Data: {licences.source(facts["source"])}. data_card.md tells of it.
- Labels: by the teacher `{facts["teacher"]}`, which knows the categories from
  {describe_label_source(facts["synthetic_messages"])}.
  It abstained on {100 * facts["teacher_abstained_share"]:.1f} % of the texts.
- Trained on {rows["train"]:,} distinct texts, stopped and calibrated on {rows["validation"]:,},
  measured on {rows["test"]:,} of other conversations.
{_tuning(facts)}- Made {facts["created_at"]} by commit {facts["commit"]}.

## Scores on held-out texts

Against the teacher's labels: this is agreement, not accuracy. `make evaluate GOLD=file.csv`
measures the model against people's labels.

{_scores(facts)}

{_by_label(labels, held_out)}

## Kinds of text

Agreement with the teacher on the held-out texts that it labeled. What is rare is counted together
as other; wide intervals are few texts.

{_slices(facts["slices"])}

## Exported models

{_exports(facts)}

## Limits

- It repeats the teacher's mistakes, and a vaguely worded category comes out vague.
- One label a text; none where its confidence is below {facts["abstain_threshold"]:.3f}.
- It reads the first {facts["max_length"]} tokens. In languages that checkpoint or teacher do not
  know its labels mean little.
- Personal data is masked by pattern before anything is read; patterns never catch all of it.
"""


def _tuning(facts: Mapping[str, Any]) -> str:
    """A line of the list, where the settings are from a study."""
    if "tuning" not in facts:
        return ""
    found = facts["tuning"]
    return f"""- Settings found by tuning: {format_values(found["values"])};
  trial {found["trial"]} of study {found["study"]}, the best of {found["finished"]} by its
  loss on the texts for stopping ({found["validation_loss"]:.4f}).
"""


def _people(human: int) -> str:
    if not human:
        return "No person labeled any text."
    return f"People labeled {human:,} of the training texts, which count for more."


def _scores(facts: Mapping[str, Any]) -> str:
    held_out = facts["held_out"]
    rows = [
        [
            "agreement with the teacher (95 % interval)",
            _with_interval(
                held_out["teacher_agreement"], held_out["teacher_agreement_interval_95"]
            ),
        ],
        [
            "macro-F1 against the teacher (95 % interval)",
            _with_interval(held_out["macro_f1"], held_out["macro_f1_interval_95"]),
        ],
        ["expected calibration error", f"{held_out['expected_calibration_error']:.3f}"],
        [
            f"coverage, the share it labels (teacher {held_out['teacher_coverage']:.3f})",
            f"{held_out['coverage']:.3f}",
        ],
    ]
    return markdown_table(["figure", "value"], rows)


def _by_label(labels: list[str], held_out: Mapping[str, Any]) -> str:
    columns = (held_out[name] for name in ("f1", "f1_interval_95", "support"))
    rows = [
        [name, f"{f1:.2f} ({low:.2f}-{high:.2f})", f"{support:,}"]
        for name, f1, (low, high), support in zip(labels, *columns, strict=True)
    ]
    return markdown_table(["label", "F1 against the teacher (95 %)", "texts"], rows)


def _slices(slices: Mapping[str, list[Mapping[str, Any]]]) -> str:
    rows = [
        [kind, part["name"], f"{part['texts']:,}",
         _with_interval(part["agreement"], part["interval_95"])]
        for kind, parts in slices.items()
        for part in parts
    ]  # fmt: skip
    table = markdown_table(["by", "texts that are", "texts", "agreement (95 %)"], rows)
    if "brand" in slices:
        return table
    return (
        f"{table}\n\nBy language and brand it is not known: data/curated is gone or was made anew."
    )


def _exports(facts: Mapping[str, Any]) -> str:
    cells = [(cell["batch"], cell["tokens"]) for cell in facts["exports"][0]["latency"]]
    header = ["model", "file", "MB", "agrees with the checkpoint", "macro-F1"]
    header += [f"{batch} × {tokens}" for batch, tokens in cells]
    rows = [
        [
            export["name"],
            export["file"] or "not kept",
            f"{export['bytes'] / 1e6:.1f}",
            f"{export['agreement']:.4f}",
            f"{export['macro_f1']:.3f}",
            *(f"{cell['p50_ms']:.2f} / {cell['p99_ms']:.2f}" for cell in export["latency"]),
        ]
        for export in facts["exports"]
    ]
    runs = sorted(cell["runs"] for export in facts["exports"] for cell in export["latency"])
    about = "\n".join(f"- {name}: {what}." for name, what in _ABOUT.items())
    checks = [
        [check["name"], f"{check['value']:.3f}", f"{check['rule']} {check['limit']:g}",
         "passed" if check["passed"] else "FAILED"]
        for check in facts["int8_checks"]
    ]  # fmt: skip
    flags = ", ".join(facts["cpu_flags"]) or "not known"
    why = "it passed" if facts["served"] == MODEL_INT8 else "INT8 did not pass"
    return f"""Latency in ms, p50 / p99, of texts × tokens in one run, on one thread of this machine
(instructions: {flags}); {runs[0]} to {runs[-1]} runs each, so that
p99 is mostly the slowest. A text is cut to {facts["max_length"]} tokens when it is served.
Macro-F1 is against the teacher's labels, held out.

{markdown_table(header, rows)}

{about}
- INT8: dynamic, smoothed, a scale a channel.

`{facts["served"]}` serves: {why}.

{markdown_table(["check of INT8", "value", "limit", ""], checks)}"""


def _with_interval(value: float, interval: list[float] | tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f}-{interval[1]:.3f})"
