"""Write reports/label_mix.json: the share of each label in data/scored, with an interval.

The student's errors are known from people's labels where ``make evaluate`` judged this model, else
from its held-out texts against the teacher.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.config.schema import Settings
from common.errors import DataError
from common.labels import load_labels
from common.models.evaluation import find_evaluation
from common.models.label_mix import LABEL_MIX, LabelMix, LabelShare
from common.models.metrics import read_metrics
from common.models.registry import LABELS
from common.stage.files import write_atomically
from common.stage.manifest import Manifest
from e_apification.bulk.shares import estimate_shares

Answers = Sequence[Sequence[int]]
TEACHER = "teacher"
logger = logging.getLogger("e_apification.bulk.label_mix")


def write_label_mix(settings: Settings, scored: Manifest, *, folder: Path) -> LabelMix | None:
    """Write the shares; remove the file where they can't be known.

    Args:
        settings: of the run.
        scored: the manifest of data/scored.
        folder: of the production model.
    """
    target = settings.paths.reports / LABEL_MIX
    judged_by, judged = _judged(settings, folder)
    unknown = None
    if set(scored.figures["models"]) - {folder.name}:
        unknown = "another model labeled some messages; RELABEL=1 labels them anew"
    elif not judged:
        unknown = f"an older version trained {folder.name}; make train_model, or make evaluate"
    if unknown:
        logger.info("no label mix: %s", unknown)
        target.unlink(missing_ok=True)
        return None
    names = load_labels(folder / LABELS).names
    mix = make_label_mix(scored, names, judged_by=judged_by, judged=judged, seed=settings.seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, mix.model_dump_json(indent=2) + "\n")
    return mix


def make_label_mix(
    scored: Manifest, names: Sequence[str], *, judged_by: str, judged: Answers, seed: int
) -> LabelMix:
    """The shares of all messages: people's labels as they are, the student's corrected.

    ``judged``: (K, K + 1), as estimate_shares takes it.
    """
    figures = scored.figures
    named, people = (
        np.array([figures[of].get(name, 0) for name in names])
        for of in ("labels", "labels_of_people")
    )
    rows, by_student = figures["rows"], int(figures["rows"] - people.sum())
    parts = [people / rows] * 3
    if by_student:
        answers = np.append(named - people, figures["abstained"])
        shares = estimate_shares(answers, np.array(judged), seed=seed)
        parts = [part + each * by_student / rows for part, each in zip(parts, shares, strict=True)]
    share, low, high = (part.round(4).tolist() for part in parts)
    found = {
        name: LabelShare(
            counted=round(named[k] / rows, 4), share=share[k], interval_95=(low[k], high[k])
        )
        for k, name in enumerate(names)
    }
    return LabelMix(
        model_id=next(iter(figures["models"]), ""),
        messages=rows,
        judged_by=judged_by,
        texts=sum(map(sum, judged)),
        labels=dict(sorted(found.items(), key=lambda item: -item[1].share)),
    )


def _judged(settings: Settings, folder: Path) -> tuple[str, Answers]:
    """What the student's errors are known from, and its answers there; empty: nothing is."""
    evaluation = find_evaluation(settings.paths.reports)
    if evaluation and evaluation.model_id == folder.name and evaluation.student.answers:
        return evaluation.gold.file, evaluation.student.answers
    try:
        return TEACHER, read_metrics(folder).held_out.answers
    except DataError:  # of an older version
        return TEACHER, ()
