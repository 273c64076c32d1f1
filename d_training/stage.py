"""The stage: labeled messages in, a model folder out, described, judged and promoted."""

import logging
import shutil
from functools import partial

from common.config.schema import Settings
from common.stage.manifest import Manifest, find_manifest, require_manifest
from common.stage.run import run_stage_once
from common.tracking.records import tracker
from d_training.data.feedback import publish_feedback
from d_training.experiment import resolve
from d_training.gate.deploy import deploy
from d_training.tuning.study import format_values

logger = logging.getLogger(__name__)


def train_model(settings: Settings, *, force: bool, tuned: bool) -> Manifest:
    """Train where needed, then let the model serve if the gate does, or ``force`` says so.

    The journal is looked at in every run: what was killed before the model was judged, or before
    the pointer moved, is finished. Cards are made anew where what they say has changed.
    """
    require_manifest(settings.paths.labeled, made_by="classify")
    experiment = resolve(settings, tuned=tuned)
    if (best := experiment.tuned) is not None:
        found = format_values(best.values)
        logger.info("tuned: %s (trial %d of study %s)", found, best.trial, best.study)
    if experiment.feedback is not None:
        publish_feedback(experiment.paths, experiment.feedback)

    from d_training.build import build_model
    from d_training.cards.write import write_cards

    manifest = run_stage_once(
        experiment.plan,
        folder=experiment.paths.models / experiment.model_id,
        build=partial(build_model, experiment=experiment),
        on_built=tracker(settings),
    )
    shutil.rmtree(experiment.paths.snapshots / experiment.model_id, ignore_errors=True)
    write_cards(experiment.paths.models, experiment.model_id)
    deploy(experiment, limits=settings.gate, threads=settings.serving.threads, force=force)
    return manifest


def assist_training(settings: Settings, *, tuned: bool) -> None:
    """The part of a process that is not the main one: its share of each batch, if any are due."""
    require_manifest(settings.paths.labeled, made_by="classify")
    experiment = resolve(settings, tuned=tuned)
    if find_manifest(experiment.paths.models / experiment.model_id) is None:
        from d_training.fine_tuning.train import train_student

        train_student(experiment)
