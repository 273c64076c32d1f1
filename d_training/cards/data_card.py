"""data_card.md: the data of a model, from its source to its labels; figures only, no message."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.config.classification import ClassificationSettings
from common.config.schema import Settings
from common.stage.manifest import Manifest, RowCounts
from d_training.cards import licences
from d_training.cards.markdown import markdown_table
from d_training.data.lessons import describe_label_source

_STAGES = ("a_ingestion", "b_transformation", "c_classification")
_LANGUAGES = 10


def data_card(
    facts: Mapping[str, Any],
    made_by: Mapping[str, Manifest],
    *,
    rows: RowCounts,
    settings: Settings,
) -> str:
    """Markdown.

    Args:
        facts: what metrics.json holds.
        made_by: manifests of the earlier stages, by stage, as far as they are known.
        rows: what training took and dropped.
        settings: the run's.
    """
    labeled = made_by["c_classification"]
    return f"""# Data of model {facts["model_id"]}

Messages sorted into {len(facts["labels"])} categories by machine. {_people(facts["rows"])}
The categories and their wording are in labels.yaml beside this card.

- Source: {licences.source(facts["source"])}.
- A model trained on these data falls under their licence; the weights have their own, below.
- This card holds figures and no message. Personal data (emails, phone and card numbers) was masked
  by pattern before any model read the texts; patterns never catch all of it.

## From source to training

RowCounts in are rows out and rows dropped, in every stage.

{markdown_table(["stage", "in", "out", "dropped", "made"], _stage_rows(made_by, facts, rows))}

Training parted {rows.out:,} rows by conversation: {facts["rows"]["train"]:,} to train,
{facts["rows"]["validation"]:,} to stop and calibrate, {facts["rows"]["test"]:,} held out.

## What the messages are

{_messages(made_by.get("b_transformation"))}

## Labels

{_mix(labeled)}

{_how(labeled, settings.classification, synthetic=facts["synthetic_messages"])}

## Limits

- The labels are the teacher's opinion of a wording: where that is vague, so are they.
- One label a message, none where the teacher was not sure enough.
- Who wrote to support is who is in here: other people, trades and times may write otherwise.
- The mix above is that of this source; shares elsewhere will differ.
"""


def _people(rows: Mapping[str, int]) -> str:
    human = rows.get("human", 0)
    if not human:
        return "No person checked these labels."
    return (
        f"Of {human:,} texts that train people gave the label, by /add_data; no person checked the "
        "others."
    )


def _stage_rows(
    made_by: Mapping[str, Manifest], facts: Mapping[str, Any], rows: RowCounts
) -> list[list[str]]:
    lines = []
    for stage in _STAGES:
        manifest = made_by.get(stage)
        if manifest is None:
            lines.append([stage, "not known", "", "its output was made anew, or is gone", ""])
        else:
            made = f"{manifest.created_at:%Y-%m-%d %H:%M} UTC, {manifest.key}"
            lines.append([stage, *_counts(manifest.rows), made])
    made = f"{facts['created_at'][:16].replace('T', ' ')} UTC, {facts['model_id']}"
    return [*lines, ["d_training", *_counts(rows), made]]


def _counts(rows: RowCounts) -> list[str]:
    dropped = ", ".join(f"{reason} {n:,}" for reason, n in rows.dropped.items())
    return [f"{rows.taken:,}", f"{rows.out:,}", dropped or "none"]


def _messages(curated: Manifest | None) -> str:
    if curated is None:
        return "Not known: data/curated was made anew since, or is gone."
    figures = curated.figures
    named = {
        "conversations": "conversations",
        "openers": "messages that open one",
        "with_brand": "messages whose brand is known",
        "brands": "brands",
        "texts_cut": "texts cut to their longest allowed length",
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


def _mix(labeled: Manifest) -> str:
    counts = dict(labeled.figures.get("labels", {}))
    if not counts:
        return "Not counted."
    counts["*abstained*"] = labeled.figures.get("abstained", 0)
    total = sum(counts.values())
    rows = [[name, f"{n:,}", f"{100 * n / total:.1f} %"] for name, n in counts.items()]
    table = markdown_table(["label", "messages", "share"], rows)
    confidence = labeled.figures.get("mean_confidence")
    return table + (f"\n\nMean confidence: {confidence:.3f}." if confidence is not None else "")


def _how(labeled: Manifest, settings: ClassificationSettings, *, synthetic: int) -> str:
    teacher = labeled.figures.get("teacher", "unknown")
    if teacher != settings.teacher:
        return (
            f"Made by the teacher `{teacher}`; with which settings is not known here, as the "
            f"settings of this run name the teacher `{settings.teacher}`."
        )
    members = labeled.figures.get("members") or [teacher]
    lines = [f"Made by the teacher `{teacher}`, from {describe_label_source(synthetic)}:", ""]
    for member in members:
        lines.append(f"- `{member}`: {licences.weights(getattr(settings, member).checkpoint)}")
    parts = [*members, *(["ensemble"] if teacher == "ensemble" else [])]
    shown = [
        [f"`{name}`", "null" if value is None else f"`{value}`"]
        for name, value in _flat(settings, parts)
    ]
    return "\n".join(lines) + "\n\n" + markdown_table(["setting", "value"], shown)


def _flat(settings: ClassificationSettings, parts: list[str]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.model_dump(mode="json").items():
        if not isinstance(value, dict):
            yield f"classification.{name}", value
        elif name in parts:
            yield from ((f"classification.{name}.{key}", item) for key, item in value.items())
