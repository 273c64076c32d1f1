"""model_card.md: what the model is, how its labels came about, what it scores, where it ends."""

from collections.abc import Mapping
from typing import Any

_SOURCES = {
    "sample": "invented conversations from this project's own generator; its scores say nothing "
    "about real messages",
    "kaggle": "Customer Support on Twitter (Kaggle, thoughtvector/customer-support-on-twitter), "
    "CC BY-NC-SA 4.0: no commercial use, and what is made of it is shared alike",
    "huggingface": "a data set of the Hugging Face hub, whose own card names the licence",
    "csv": "a CSV of the user's; its licence is not known here",
}
_STUDENTS = {
    "minilm-wheel": "all-MiniLM-L6-v2 (Apache 2.0)",
    "google-bert/bert-base-uncased": "bert-base-uncased (Apache 2.0)",
}


def model_card(facts: Mapping[str, Any]) -> str:
    """Markdown, from what metrics.json holds."""
    held_out, rows, labels = facts["held_out"], facts["rows"], facts["labels"]
    low, high = held_out["macro_f1_interval_95"]
    by_label = "\n".join(
        f"| {name} | {f1:.2f} | {support:,} |"
        for name, f1, support in zip(labels, held_out["f1"], held_out["support"], strict=True)
    )
    return f"""# Model {facts["experiment_id"]}

Sorts a message into one of {len(labels)} categories: {", ".join(labels)}.
It is {_STUDENTS.get(facts["student"], facts["student"])}, fine-tuned on the soft labels of a
zero-shot teacher. No person labelled any text.

- Data: {_SOURCES.get(facts["source"], "of unknown source")}.
- Labels: by the teacher `{facts["teacher"]}`, which knows the categories from the wording in
  labels.yaml alone. It abstained on {100 * facts["teacher_abstained_share"]:.1f} % of the texts.
- Trained on {rows["train"]:,} distinct texts, stopped and calibrated on {rows["validation"]:,},
  measured on {rows["test"]:,} of other conversations.
- Made {facts["created_at"]} by commit {facts["commit"]}.

## Scores on held-out texts

Against the teacher's labels: this is agreement, not accuracy. `make evaluate GOLD=file.csv`
measures the model against people's labels.

| figure | value |
| --- | --- |
| agreement with the teacher | {held_out["teacher_agreement"]:.3f} |
| macro-F1 against the teacher (95 % interval) | {held_out["macro_f1"]:.3f} ({low:.3f}-{high:.3f}) |
| expected calibration error | {held_out["expected_calibration_error"]:.3f} |
| coverage, the share it labels (teacher {held_out["teacher_coverage"]:.3f}) | {held_out["coverage"]:.3f} |
| INT8 names the label of float32 | {facts["parity"]["int8"]["agreement"]:.4f} |

| label | F1 against the teacher | texts |
| --- | --- | --- |
{by_label}

## Limits

- It repeats the teacher's mistakes, and a vaguely worded category comes out vague.
- One label a text; none where its confidence is below {facts["abstain_threshold"]:.3f}.
- It reads the first {facts["max_length"]} tokens. In languages that checkpoint or teacher do not
  know its labels mean little.
- Personal data is masked by pattern before anything is read; patterns never catch all of it.
"""  # noqa: E501
