"""The stage: labeled messages in, a model folder out, checked, judged and promoted."""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.config.schema import Settings
from common.labels import load_labels
from common.stage.manifest import Manifest, find_manifest, require_manifest
from common.stage.run import Built, run_stage_once
from common.tracking.records import tracker
from d_training.cards.markdown import format_values
from d_training.data.feedback import find_feedback, publish_feedback
from d_training.experiment import experiment_plan, start_checkpoint
from d_training.gate.deploy import deploy
from d_training.tuning.study import Best, find_best

logger = logging.getLogger(__name__)


def train_model(settings: Settings, *, force: bool, tuned: bool) -> Manifest:
    """Train where needed, then let the model serve if the gate does, or ``force`` says so.

    The experiment's id is the key of its inputs, settings and code, so the same ones never train
    twice. The journal is looked at in every run: what was killed before the model was judged, or
    before the pointer moved, is finished. ``tuned`` takes training settings from the best trial on
    the same data; the experiment's id counts their values, not where they are from.
    """
    schema = load_labels(settings.labels)
    labeled = require_manifest(settings.paths.labeled, made_by="classify")
    best = find_best(settings) if tuned else None
    if best is not None:
        settings = best.applied(settings)
        logger.info(
            "tuned: %s (trial %d of study %s)", format_values(best.values), best.trial, best.study
        )
    checkpoint = start_checkpoint(settings)
    feedback = find_feedback(settings, schema)
    if feedback is not None:
        publish_feedback(settings, feedback)
    plan = experiment_plan(settings, checkpoint, feedback)

    def build(folder: Path) -> Built:
        from d_training.build import build_model
        from d_training.export.onnx import code_commit

        raw = find_manifest(settings.paths.raw)
        origin = {
            "model_id": plan.key,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": code_commit(),
            "student": settings.training.student,
            "teacher": labeled.figures.get("teacher", "unknown"),
            "source": raw.figures.get("source", "unknown") if raw else "unknown",
            **_tuning(best),
        }
        return build_model(
            folder,
            checkpoint=checkpoint,
            origin=origin,
            schema=schema,
            feedback=feedback,
            settings=settings,
        )

    manifest = run_stage_once(
        plan,
        folder=settings.paths.models / plan.key,
        build=build,
        on_built=tracker(settings),
    )
    shutil.rmtree(settings.paths.snapshots / plan.key, ignore_errors=True)
    deploy(settings, plan.key, force=force)
    return manifest


def assist_training(settings: Settings, *, tuned: bool) -> None:
    """The part of a process that is not the main one: its share of each batch, if any are due."""
    require_manifest(settings.paths.labeled, made_by="classify")
    if tuned:
        settings = find_best(settings).applied(settings)
    checkpoint = start_checkpoint(settings)
    schema = load_labels(settings.labels)
    feedback = find_feedback(settings, schema)
    key = experiment_plan(settings, checkpoint, feedback).key
    if find_manifest(settings.paths.models / key) is None:
        from d_training.fine_tuning.train import train_student

        train_student(
            settings,
            schema=schema,
            checkpoint=checkpoint,
            model_id=key,
            feedback=feedback,
        )


def _tuning(best: Best | None) -> dict[str, Any]:
    return {} if best is None else {"tuning": best._asdict()}
