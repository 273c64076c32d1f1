"""The promotion gate: may this model take the place of the one that serves?

Both are scored as they are served on the same rows. Where none serves, the new one must
reach gate.min_macro_f1. Else it is refused where more than gate.max_worse_chance of the paired
bootstrap's resamples lose more macro-F1 than gate.tolerance: at the default, where it is more
likely than not that much worse. Few rows make wide intervals; 0.05 would refuse only what is
surely worse, 0.95 promote only what surely is not.

A model that gives every text one label is refused, and so is any model where all texts have one
label: its macro-F1 of 1.0 would tell nothing. What else makes the scores say little is noted.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.config.gate import GateSettings
from common.config.paths import Paths
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.metrics import (
    PerLabel,
    confusion_matrix,
    expected_calibration_error,
    macro_f1_score,
    paired_differences,
    per_label,
)
from common.models.metrics import read_metrics
from common.models.registry import LABELS, TOKENIZER, served_model, verified_served
from common.models.verdict import Check, Verdict
from common.onnx.model import OnnxModel
from common.stage.plan import plan_stage
from d_training.data.training_rows import ROWS, used_in_training
from d_training.evaluation.served import served_answers
from d_training.gate.rows import JudgedRows, judged_rows
from d_training.held_out.doubts import doubts

_TIMED_TEXTS = 200
_WARM_UP_TEXTS = 20


class Rival(NamedTuple):
    """predicted: (N,) what production says; seen: how many rows it was trained on."""

    predicted: NDArray[np.int64]
    seen: int


def verdict_key(limits: GateSettings, model_id: str, *, against: str | None, seed: int) -> str:
    """Digest of what a verdict depends on: models, limits, gold, code."""
    gold = limits.gold
    if gold is not None and not gold.is_file():
        raise DataError(f"{gold} does not exist; gate.gold names it")
    return plan_stage(
        "gate",
        code=["d_training.gate.judge"],
        settings={
            "models": [model_id, against],
            "gate": limits.model_dump(mode="json"),
            "seed": seed,
        },
        inputs=[gold] if gold else [],
    ).key


def judge(
    paths: Paths,
    model_id: str,
    *,
    against: str | None,
    schema: LabelSchema,
    limits: GateSettings,
    seed: int,
    threads: int,
) -> Verdict:
    """Score a model and the production model that it would replace.

    Args:
        paths: of the run.
        model_id: the candidate.
        against: the production model; None where there is none.
        schema: the candidate's labels.
        limits: of the gate.
        seed: of the bootstrap.
        threads: of ONNX Runtime, as serving has them.

    Raises:
        DataError: if the candidate's files, or the rows to judge on, are not what they should be.
    """
    models = paths.models
    folder = verified_served(models, model_id, also=(ROWS,))
    rows = judged_rows(limits.gold, paths.labeled, folder, schema)
    probs = served_answers(folder, rows.texts).probs
    predicted = probs.argmax(axis=1)
    metrics = read_metrics(folder)
    figures = {"macro_f1": _macro_f1(rows, predicted)}
    rival, notes = _rival(models, against, rows, schema)
    if rival is None:
        checks = [_least("macro-F1", figures["macro_f1"], limits.min_macro_f1)]
    else:
        checks, compared = _compare(rows, rival, predicted, schema, limits=limits, seed=seed)
        figures |= compared
        seen = int(used_in_training(folder, rows.texts).sum())
        if seen or rival.seen:
            notes = [f"seen in training: {rival.seen:,} texts by production, {seen:,} by the new"]
    credit = rows.credit[np.arange(len(predicted)), predicted]
    error = expected_calibration_error(probs.max(axis=1), credit)
    support, answers = (
        np.bincount(labels, minlength=len(schema.names)) for labels in (rows.truth, predicted)
    )
    notes += doubts(
        support.tolist(), answers.tolist(), names=schema.names, languages=rows.languages
    )
    checks += [
        _least("labels among the texts", int(np.count_nonzero(support)), 2),
        _least("labels that the model gives", int(np.count_nonzero(answers)), 2),
        _most(rows.calibration, error, limits.max_calibration_error),
        _most(
            "latency p50, ms",
            median_latency_ms(
                folder, rows.texts, max_length=metrics.max_length, threads=threads
            ),
            limits.max_latency_ms,
        ),
    ]  # fmt: skip
    return Verdict(
        model_id=model_id,
        against=against,
        judged_at=datetime.now(UTC).replace(microsecond=0),
        key=verdict_key(limits, model_id, against=against, seed=seed),
        rows=rows.what,
        notes=tuple(notes),
        figures=figures | {check.name: check.value for check in checks},
        checks=tuple(checks),
        int8=metrics.int8_checks,
    )


def median_latency_ms(
    folder: Path, texts: Sequence[str], *, max_length: int, threads: int
) -> float:
    """Median milliseconds from text to logits, one text at a time."""
    model = OnnxModel(
        folder / served_model(folder), folder / TOKENIZER, max_length=max_length, threads=threads
    )
    taken = []
    for text in [*texts[:_WARM_UP_TEXTS], *texts[:_TIMED_TEXTS]]:
        started = time.perf_counter()
        model.run([text])
        taken.append(1_000 * (time.perf_counter() - started))
    return float(np.median(taken[min(len(texts), _WARM_UP_TEXTS) :]))


def _rival(
    models: Path, against: str | None, rows: JudgedRows, schema: LabelSchema
) -> tuple[Rival | None, list[str]]:
    """Production's answers in the candidate's labels, or why there are none."""
    if against is None:
        return None, ["no production model to compare with"]
    try:
        folder = verified_served(models, against, also=(ROWS,))
        names = load_labels(folder / LABELS).names
    except DataError as error:
        return None, [f"production cannot be scored: {error}"]
    if set(names) != set(schema.names):
        return None, [f"production model {against} has other labels: {', '.join(names)}"]
    places = np.array([schema.names.index(name) for name in names])
    predicted = places[served_answers(folder, rows.texts).probs.argmax(axis=1)]
    return Rival(predicted, int(used_in_training(folder, rows.texts).sum())), []


def _compare(
    rows: JudgedRows,
    rival: Rival,
    predicted: NDArray[np.int64],
    schema: LabelSchema,
    *,
    limits: GateSettings,
    seed: int,
) -> tuple[list[Check], dict[str, float]]:
    labels = len(schema.names)
    differences = paired_differences(
        rows.truth, rival.predicted, predicted,
        labels=labels, seed=seed, resamples=limits.resamples,
    )  # fmt: skip
    low, high = np.percentile(differences, [2.5, 97.5])
    before = _macro_f1(rows, rival.predicted)
    figures = {
        "production_macro_f1": before,
        "difference": _macro_f1(rows, predicted) - before,
        "difference_low": float(low),
        "difference_high": float(high),
        "seen_by_production": rival.seen,
    }
    worse = float((differences < -limits.tolerance).mean())
    name = f"chance of losing over {limits.tolerance:g} macro-F1"
    checks = [_most(name, worse, limits.max_worse_chance)]
    was, now = (_by_label(rows, answers, labels) for answers in (rival.predicted, predicted))
    drops = np.where(now.support >= limits.min_support, was.recall - now.recall, -np.inf)
    worst = int(drops.argmax())
    if np.isfinite(drops[worst]):
        name = f"recall lost, {schema.names[worst]}"
        checks.append(_most(name, float(drops[worst]), limits.max_recall_drop))
    return checks, figures


def _by_label(rows: JudgedRows, answers: NDArray[np.int64], labels: int) -> PerLabel:
    return per_label(confusion_matrix(rows.truth, answers, labels=labels))


def _macro_f1(rows: JudgedRows, answers: NDArray[np.int64]) -> float:
    return macro_f1_score(rows.truth, answers, labels=rows.credit.shape[1])


def _least(name: str, value: float, limit: float) -> Check:
    return Check(name=name, value=value, rule="at least", limit=limit)


def _most(name: str, value: float, limit: float) -> Check:
    return Check(name=name, value=value, rule="at most", limit=limit)
