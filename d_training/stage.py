"""The stage: labelled messages in, a model folder out, checked, judged and promoted."""

from datetime import UTC, datetime
from pathlib import Path

from common.artifacts import (
    Built,
    Manifest,
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


def train_model(settings: Settings, *, force: bool) -> Manifest:
    """Train where needed, then let the model serve if the gate does, or ``force`` says so.

    The experiment's id is the key of its inputs, settings and code, so the same ones never train
    twice. The journal is looked at in every run: what was killed before the model was judged, or
    before the pointer moved, is finished.
    """
    schema = load_labels(settings.labels)
    labeled = require_manifest(settings.paths.labeled, made_by="classify")
    checkpoint = checkpoint_folder(settings.training.student, revision=settings.training.revision)
    plan = plan_stage(
        "d_training",
        packages=["d_training"],
        settings={
            "training": settings.training.model_dump(mode="json"),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.labeled, *checkpoint_files(checkpoint)],
    )

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
    deploy(settings, plan.key, force=force)
    return manifest
