"""data_card.md: the data of a model, from its source to its labels; figures only, no message.

Markdown under the YAML front-matter that model hubs and other tools read (huggingface_hub).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.models.metrics import ModelMetrics, StageRecord
from common.stage.manifest import RowCounts
from d_training.cards import licences
from d_training.cards.markdown import markdown_table
from d_training.data.lessons import describe_label_source

TEMPLATE = Path(__file__).parent / "data_card.jinja"
_STAGES = ("a_ingestion", "b_transformation", "c_classification")
_LANGUAGES = 10


def data_card(metrics: ModelMetrics, rows: RowCounts) -> str:
    """Markdown, from what metrics.json holds and the rows that training took and dropped."""
    from huggingface_hub import DatasetCard, DatasetCardData

    data = DatasetCardData(
        pretty_name=f"Messages of model {metrics.model_id}",
        language="en",
        license=licences.data_id(metrics.source),
        annotations_creators=["machine-generated"],
        task_categories=["text-classification"],
    )
    labeled = metrics.data.get("c_classification")
    card = DatasetCard.from_template(
        data,
        template_path=str(TEMPLATE),
        m=metrics,
        rows=rows,
        people=_people(metrics.rows.human),
        source=licences.source(metrics.source),
        stages=markdown_table(["stage", "in", "out", "dropped", "made"], _stages(metrics, rows)),
        messages=_messages(metrics.data.get("b_transformation")),
        mix=_mix(labeled),
        how=_how(metrics, labeled),
    )
    return str(card.content)


def _people(human: int) -> str:
    if not human:
        return "No person checked these labels."
    return (
        f"Of {human:,} texts that train people gave the label, by /add_data; no person checked the "
        "others."
    )


def _stages(metrics: ModelMetrics, rows: RowCounts) -> list[list[str]]:
    lines = []
    for stage in _STAGES:
        record = metrics.data.get(stage)
        if record is None:
            lines.append([stage, "not known", "", "its output was made anew, or is gone", ""])
        else:
            made = f"{record.created_at:%Y-%m-%d %H:%M} UTC, {record.key}"
            lines.append([stage, *_counts(record.rows), made])
    made = f"{metrics.created_at:%Y-%m-%d %H:%M} UTC, {metrics.model_id}"
    return [*lines, ["d_training", *_counts(rows), made]]


def _counts(rows: RowCounts) -> list[str]:
    dropped = ", ".join(f"{reason} {n:,}" for reason, n in rows.dropped.items())
    return [f"{rows.taken:,}", f"{rows.out:,}", dropped or "none"]


def _messages(curated: StageRecord | None) -> str:
    if curated is None:
        return "Not known: data/curated was made anew since, or is gone."
    figures = curated.figures
    named = {
        "conversations": "conversations",
        "openers": "messages that open one",
        "with_brand": "messages whose brand is known",
        "brands": "brands",
        "texts_cut": "texts cut to their longest allowed length",
        "texts_html": "texts that were HTML",
        "mails_cut": "texts without a quoted mail or signature, which were cut",
    }
    lines = [
        f"- {what}: {figures[key]:,}" for key, what in named.items() if figures.get(key) is not None
    ]
    languages = list((figures.get("languages") or {}).items())
    if languages:
        listed = ", ".join(f"{name} {n:,}" for name, n in languages[:_LANGUAGES])
        rest = sum(n for _, n in languages[_LANGUAGES:])
        lines.append(f"- languages, as lid.176.ftz (CC BY-SA 3.0) names them: {listed}")
        lines[-1] += f", others {rest:,}" if rest else ""
    return "\n".join(lines) or "Nothing was counted."


def _mix(labeled: StageRecord | None) -> str:
    counts = dict(labeled.figures.get("labels", {})) if labeled else {}
    if labeled is None or not counts:
        return "Not counted."
    counts["*abstained*"] = labeled.figures.get("abstained", 0)
    total = sum(counts.values())
    rows = [[name, f"{n:,}", f"{100 * n / total:.1f} %"] for name, n in counts.items()]
    table = markdown_table(["label", "messages", "share"], rows)
    confidence = labeled.figures.get("mean_confidence")
    return table + (f"\n\nMean confidence: {confidence:.3f}." if confidence is not None else "")


def _how(metrics: ModelMetrics, labeled: StageRecord | None) -> str:
    settings = metrics.classification
    teacher = labeled.figures.get("teacher", "unknown") if labeled else "unknown"
    if labeled is None or teacher != settings["teacher"]:
        return (
            f"Made by the teacher `{teacher}`; with which settings is not known here, as the "
            f"settings of this run name the teacher `{settings['teacher']}`."
        )
    members = labeled.figures.get("members") or [teacher]
    known_from = describe_label_source(metrics.synthetic_messages)
    lines = [f"Made by the teacher `{teacher}`, from {known_from}:", ""]
    for member in members:
        lines.append(f"- `{member}`: {licences.weights(settings[member]['checkpoint'])}")
    parts = [*members, *(["ensemble"] if teacher == "ensemble" else [])]
    shown = [
        [f"`{name}`", "null" if value is None else f"`{value}`"]
        for name, value in _flat(settings, parts)
    ]
    return "\n".join(lines) + "\n\n" + markdown_table(["setting", "value"], shown)


def _flat(settings: Mapping[str, Any], parts: list[str]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if not isinstance(value, dict):
            yield f"classification.{name}", value
        elif name in parts:
            yield from ((f"classification.{name}.{key}", item) for key, item in value.items())
