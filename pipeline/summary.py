"""What a run came to: rows, labels, scores, where the outputs lie, what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from common.config.schema import Settings
from common.models.evaluation import find_evaluation
from common.models.label_mix import find_label_mix
from common.models.registry import serving_id
from common.models.verdict import find_verdict
from common.stage.manifest import find_manifest
from pipeline.steps import source_name

_NAMED = 8  # labels that the mix lists
_OUTPUTS = {
    "data/scored/messages": "every message with its label, by day (Parquet)",
    "reports/label_mix.json": "the share of each label, with its interval",
    "reports/labels.html": "which texts each label got",
    "reports/evaluation.json": "scores on labeled rows",
    "reports/index.html": "one page about the run",
    "scored.csv": "the sample with the student's labels",
}


def summarize(settings: Settings, *, seconds: Mapping[str, float], following: str) -> str:
    """The summary as lines for a terminal.

    Args:
        settings: of the run.
        seconds: by step.
        following: the command that a person would run next.
    """
    parts = {
        "rows": _rows(settings),
        "teacher": [_teacher(settings)],
        "labels": _label_mix(settings),
        "model": _model(settings),
        "scores": [_scores(settings)],
        "time": [", ".join(f"{step} {spent:.0f} s" for step, spent in seconds.items())],
        "outputs": _outputs(settings),
        "next": [following],
    }
    lines = ["", f"Done in {sum(seconds.values()):.0f} s: {source_name(settings)}"]
    for name, part in parts.items():
        heads = [name, *[""] * len(part)]
        lines += [f"  {head:<9}{line}" for head, line in zip(heads, part, strict=False) if line]
    return "\n".join(lines) + "\n"


def make_command(target: str, settings: Settings, **variables: object) -> str:
    """A call of make on the same source, labels and RUN_DIR, as a shell takes it."""
    ingestion = settings.ingestion
    given: dict[str, object] = {}
    if ingestion.source == "csv":
        given = {"CSV": ingestion.csv}
        if ingestion.text_column != "text":
            given["TEXT_COLUMN"] = ingestion.text_column
        columns = ingestion.optional_columns if target == "pipeline" else {}
        given |= {setting.upper(): name for setting, name in columns.items() if name}
    if settings.labels != Path("conf/labels.yaml"):
        given["LABELS"] = settings.labels
    given |= variables
    if settings.run_dir != Path():
        given["RUN_DIR"] = settings.run_dir
    words = [f"{name}={shlex.quote(str(value))}" for name, value in given.items()]
    return " ".join(["make", target, *words])


def _rows(settings: Settings) -> list[str]:
    """What became of each row of the source; the counts below the first add up to it."""
    paths = settings.paths
    raw, curated, scored = (
        find_manifest(folder) for folder in (paths.raw, paths.curated, paths.scored)
    )
    if raw is None:
        return []
    parts = {f"rejected: {reason}": rows for reason, rows in raw.rows.dropped.items()}
    if curated:
        parts |= {f"dropped: {reason}": rows for reason, rows in curated.rows.dropped.items()}
    if scored:
        sources = scored.figures["sources"]
        parts |= {f"in data/scored, labeled by: {who}": rows for who, rows in sources.items()}
    counts = {"in the source, of which": raw.rows.taken, **parts}
    width = max(len(f"{rows:,}") for rows in counts.values())
    lines = [f"{rows:>{width},} {what}" for what, rows in counts.items()]
    if left := raw.rows.taken - sum(parts.values()):
        lines.append(f"{left:>{width},} not accounted for: a stage has run alone; make pipeline")
    return lines


def _teacher(settings: Settings) -> str:
    labeled = find_manifest(settings.paths.labeled)
    if labeled is None:
        return ""
    figures = labeled.figures
    left = figures.get("texts_left", 0)
    rest = f", {left:,} are left to the student" if left else ""
    return f"{figures.get('distinct_texts', 0):,} distinct texts labeled for training{rest}"


def _label_mix(settings: Settings) -> list[str]:
    mix = find_label_mix(settings.paths.reports)
    if mix is None or mix.model_id != serving_id(settings.paths.models):
        return []
    ranked = list(mix.labels.items())
    shown = [
        f"{_percent(each.share)} % {name} ({' to '.join(map(_percent, each.interval_95))})"
        for name, each in ranked[:_NAMED]
    ]
    if rest := [each.share for _, each in ranked[_NAMED:]]:
        shown.append(f"{_percent(sum(rest))} % {len(rest)} others")
    known = (
        f"by {mix.texts:,} held-out texts, as the teacher would label"
        if mix.judged_by == "teacher"
        else f"by {mix.texts:,} texts of {mix.judged_by}"
    )
    return [", ".join(shown), f"corrected for the student's errors (95 % intervals) {known}"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _model(settings: Settings) -> list[str]:
    """The model, and what the gate noted of the texts that it was judged on."""
    model_id = serving_id(settings.paths.models)
    verdict = find_verdict(settings.paths.models, model_id) if model_id else None
    if model_id is None or verdict is None:
        return [f"{model_id} serves"] if model_id else []
    macro_f1 = verdict.figures.get("macro_f1")
    score = "judged" if macro_f1 is None else f"macro-F1 {macro_f1:.3f}"
    return [f"{model_id} serves: {score} on {verdict.rows}", *verdict.notes]


def _scores(settings: Settings) -> str:
    evaluation = find_evaluation(settings.paths.reports)
    if evaluation is None or evaluation.model_id != serving_id(settings.paths.models):
        return ""
    scores = ", ".join(f"{name} {each.macro_f1:.3f}" for name, each in evaluation.systems.items())
    gold = evaluation.gold
    kind = "generated texts" if gold.generated else "texts"
    return f"macro-F1 on {gold.texts:,} {kind} of {gold.file}: {scores}"


def _outputs(settings: Settings) -> list[str]:
    found = {}
    raw = find_manifest(settings.paths.raw)
    if raw and raw.rows.dropped:
        found[str(settings.paths.raw / "quarantine")] = "rows that can't be read, with the reason"
    for name, what in _OUTPUTS.items():
        path = settings.run_dir / name
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            found[str(path)] = what
    if model_id := serving_id(settings.paths.models):
        found[str(settings.paths.models / model_id)] = "the model (ONNX), with its metrics"
    width = max(map(len, found), default=0)
    return [f"{path:<{width}}  {what}" for path, what in found.items()]
