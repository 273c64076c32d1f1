"""The stage: labelled messages in, a model folder out, checked, judged and promoted."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from common.artifacts import (
    Built,
    Manifest,
    Plan,
    find_manifest,
    plan_stage,
    require_manifest,
    run_stage_once,
)
from common.labels import load_labels
from common.schema import Settings
from common.tracking import tracker
from common.weights import checkpoint_files, checkpoint_folder
from d_training.deploy import deploy

# What may change without another model coming out.
_NOT_DECIDING = {"snapshot_every_s", "tensorboard"}


def train_model(settings: Settings, *, force: bool) -> Manifest:
    """Train where needed, then let the model serve if the gate does, or ``force`` says so.

    The experiment's id is the key of its inputs, settings and code, so the same ones never train
    twice. The journal is looked at in every run: what was killed before the model was judged, or
    before the pointer moved, is finished.
    """
    schema = load_labels(settings.labels)
    labeled = require_manifest(settings.paths.labeled, made_by="classify")
    checkpoint = _checkpoint(settings)
    plan = _plan(settings, checkpoint)

    def build(folder: Path) -> Built:
        from d_training.build import build_model
        from d_training.export import code_commit

        raw = find_manifest(settings.paths.raw)
        origin = {
            "experiment_id": plan.key,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": code_commit(),
            "student": settings.training.student,
            "teacher": labeled.figures.get("teacher", "unknown"),
            "source": raw.figures.get("source", "unknown") if raw else "unknown",
        }
        return build_model(
            folder, checkpoint=checkpoint, origin=origin, schema=schema, settings=settings
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


def assist_training(settings: Settings) -> None:
    """The part of a process that is not the main one: its share of each batch, if any are due."""
    require_manifest(settings.paths.labeled, made_by="classify")
    checkpoint = _checkpoint(settings)
    key = _plan(settings, checkpoint).key
    if find_manifest(settings.paths.models / key) is None:
        from d_training.train import train_student

        schema = load_labels(settings.labels)
        train_student(settings, schema=schema, checkpoint=checkpoint, experiment_id=key)


def _checkpoint(settings: Settings) -> Path:
    return checkpoint_folder(settings.training.student, revision=settings.training.revision)


def _plan(settings: Settings, checkpoint: Path) -> Plan:
    return plan_stage(
        "d_training",
        packages=["d_training"],
        settings={
            "training": settings.training.model_dump(mode="json", exclude=_NOT_DECIDING),
            "seed": settings.seed,
            "labels": load_labels(settings.labels).sha256,
        },
        inputs=[settings.paths.labeled, *checkpoint_files(checkpoint)],
    )
