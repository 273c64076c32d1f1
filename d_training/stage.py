"""The stage: labeled messages in, a model folder out, described, judged and promoted."""

import logging
import shutil
from functools import partial

from common.config.gate import GateSettings
from common.stage.manifest import Manifest, find_manifest
from common.stage.run import OnBuilt, run_stage_once
from d_training.data.feedback import publish_feedback
from d_training.experiment import Experiment
from d_training.gate.deploy import deploy
from d_training.tuning.study import format_values

logger = logging.getLogger(__name__)


def train_model(
    experiment: Experiment, *, on_built: OnBuilt, limits: GateSettings, threads: int, force: bool
) -> Manifest:
    """Train where needed, then let the model serve if the gate does, or ``force`` says so.

    The journal is looked at in every run: what was killed before the model was judged, or before
    the pointer moved, is finished. Cards are made anew where what they say has changed.

    Args:
        experiment: the training.
        on_built: gets the manifest of a model that was built.
        limits: of the gate.
        threads: of ONNX Runtime, as serving has them.
        force: promote it whatever the gate says.
    """
    paths, model_id = experiment.paths, experiment.model_id
    if (best := experiment.tuned) is not None:
        found = format_values(best.values)
        logger.info("tuned: %s (trial %d of study %s)", found, best.trial, best.study)
    if experiment.feedback is not None:
        publish_feedback(paths, experiment.feedback)

    from d_training.build import build_model
    from d_training.cards.write import write_cards

    manifest = run_stage_once(
        experiment.plan,
        folder=paths.models / model_id,
        build=partial(build_model, experiment=experiment),
        on_built=on_built,
    )
    shutil.rmtree(paths.snapshots / model_id, ignore_errors=True)
    write_cards(paths.models, model_id)
    deploy(experiment, limits=limits, threads=threads, force=force)
    return manifest


def assist_training(experiment: Experiment) -> None:
    """The part of a process that is not the main one: its share of each batch, if any are due."""
    if find_manifest(experiment.paths.models / experiment.model_id) is None:
        from d_training.fine_tuning.train import train_student

        train_student(experiment)
