"""One trial of a study: draw settings, train on the training rows, look at the validation rows.

What is drawn follows from the seed and the trials finished before, so that a trial that was killed
is drawn again as it was. The first tries the settings as they are. Test rows are never looked at.
"""

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.config.tuning import TuningSettings
from common.labels import LabelSchema
from common.metrics import confusion_matrix, macro_f1
from common.onnx.device import choose_device
from d_training.data.rows import Rows
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.fit import fit
from d_training.fine_tuning.student import load_student, predict
from d_training.fine_tuning.train import make_examples, read_parts
from d_training.tuning.study import finished_trials, format_values, with_values

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

MACRO_F1 = "macro_f1"  # attribute of a whole trial, on the validation rows that got a label
logger = logging.getLogger(__name__)


class Ground(NamedTuple):
    """What all trials of a study share; ``rows`` are those of ``validation``."""

    settings: Settings
    schema: LabelSchema
    checkpoint: Path
    train: Examples
    validation: Examples
    rows: Rows


def prepare_ground(settings: Settings, *, schema: LabelSchema, checkpoint: Path) -> Ground:
    """Read, part and tokenize the labeled rows.

    People's labels are left out: with each one that comes a study would begin anew.

    Raises:
        DataError: if they don't suffice.
    """
    training = settings.training
    parts, _ = read_parts(
        settings.paths.labeled, schema, training=training, seed=settings.seed, feedback=None
    )
    student = load_student(
        checkpoint,
        schema.names,
        precision=training.precision,
        seed=settings.seed,
        device=choose_device(settings.device).device,
    )
    train, validation, _ = make_examples(
        parts, student, schema=schema, labeled=settings.paths.labeled, settings=training
    )
    return Ground(settings, schema, checkpoint, train, validation, parts.validation)


def run_trial(study: "Study", ground: Ground) -> None:
    """Draw and run one more trial, up to its end or until the pruner stops it."""
    import optuna
    import torch

    trial = _draw(study, ground.settings)
    logger.info("trial %d: %s", trial.number, format_values(trial.params))
    pruned = optuna.trial.TrialState.PRUNED
    try:
        loss = _train(trial, ground)
    except optuna.TrialPruned:
        study.tell(trial, state=pruned)
        last = study.trials[trial.number]
        logger.info(
            "trial %d: stopped after %d looks, validation loss %.4f",
            trial.number,
            len(last.intermediate_values),
            last.intermediate_values[last.last_step or 1],
        )
    except torch.OutOfMemoryError:
        study.tell(trial, state=pruned)
        logger.warning("trial %d: stopped, the GPU's memory does not suffice", trial.number)
    else:
        study.tell(trial, loss)
        logger.info("trial %d: validation loss %.4f", trial.number, loss)


def distributions(tuning: TuningSettings) -> "dict[str, BaseDistribution]":
    """The search space."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    space: dict[str, BaseDistribution] = {}
    for name in tuning.searched:
        values = getattr(tuning, name)
        if name == "batch_size":
            space[name] = CategoricalDistribution(values)
        elif name == "epochs":
            space[name] = IntDistribution(*values)
        else:
            low, high = values
            space[name] = FloatDistribution(low, high, log=name != "warmup_share")
    return space


def _draw(study: "Study", settings: Settings) -> "Trial":
    from optuna.pruners import MedianPruner
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    tuning, before = settings.tuning, len(finished_trials(study))
    space = distributions(tuning)
    seed = int(np.random.SeedSequence((settings.seed, before)).generate_state(1)[0])
    study.sampler = TPESampler(seed=seed, n_startup_trials=tuning.startup_trials)
    study.pruner = MedianPruner(tuning.startup_trials, n_warmup_steps=tuning.spared_looks + 1)
    if before == 0 and not study.get_trials(states=(TrialState.WAITING,)):
        present = _within(settings.training, tuning)
        if present is not None:
            study.enqueue_trial(present)
    return study.ask(space)


def _within(training: TrainingSettings, tuning: TuningSettings) -> dict[str, float] | None:
    """The searched settings as they are, if the search space holds them."""
    present = {name: getattr(training, name) for name in tuning.searched}
    for name, value in present.items():
        held = getattr(tuning, name)
        inside = value in held if name == "batch_size" else held[0] <= value <= held[1]
        if not inside:
            logger.info("training.%s = %s lies outside tuning.%s, untried", name, value, name)
            return None
    return present


def _train(trial: "Trial", ground: Ground) -> float:
    """The validation loss of the best look, to which the student's weights go back."""
    from optuna import TrialPruned

    settings, schema = ground.settings, ground.schema
    training = with_values(settings.training, trial.params)
    student = load_student(
        ground.checkpoint,
        schema.names,
        precision=training.precision,
        seed=settings.seed,
        device=choose_device(settings.device).device,
    )

    def on_look(number: int, loss: float) -> None:
        trial.report(loss, number)
        if not math.isfinite(loss) or trial.should_prune():
            raise TrialPruned

    fitted = fit(
        student, ground.train, ground.validation,
        settings=training, seed=settings.seed, on_look=on_look,
    )  # fmt: skip
    labeled = ~ground.rows.abstained
    predicted = predict(student, ground.validation.tokens).argmax(axis=1)
    confusion = confusion_matrix(
        ground.rows.labels[labeled], predicted[labeled], labels=len(schema.names)
    )
    trial.set_user_attr(MACRO_F1, float(macro_f1(confusion)))
    return fitted.curve[fitted.best].validation_loss
