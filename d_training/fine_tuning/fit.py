"""Fine-tuning on soft labels: a plain loop that keeps the weights of the best validation loss.

Loss: cross-entropy against the teacher's whole distribution (which differs from the KL divergence
by a constant). learner.py has what one step does, processes.py how several processes share it,
progress.py how a killed training goes on.
"""

import logging
import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from common.config.training import TrainingSettings
from common.errors import TriageError
from common.fitting.batches import length_batches
from common.metrics import soft_cross_entropy
from common.onnx.model import softmax
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.learner import Learner
from d_training.fine_tuning.processes import ALONE, Processes
from d_training.fine_tuning.progress import Keeper, Look, resume
from d_training.fine_tuning.progress_bar import ProgressBar
from d_training.fine_tuning.student import Student, predict
from d_training.fine_tuning.tensorboard import EventWriter

logger = logging.getLogger(__name__)


class Fitted(NamedTuple):
    """What training did; ``best`` indexes ``curve``."""

    curve: list[Look]
    best: int
    seconds: float
    stopped_early: bool

    @property
    def texts_per_second(self) -> float:
        """Looks at the validation rows included."""
        return self.curve[-1].texts / self.seconds


def fit(
    student: Student,
    train: Examples,
    validation: Examples,
    *,
    settings: TrainingSettings,
    seed: int,
    processes: Processes = ALONE,
    snapshots: Path | None = None,
    events: Path | None = None,
    on_look: Callable[[int, float], None] | None = None,
) -> Fitted:
    """Train ``student`` in place; it ends with the weights of the best validation loss.

    Args:
        student: the same in all processes, as are examples, settings and seed.
        train: what it learns from.
        validation: what decides which weights to keep and when to stop.
        settings: of the stage.
        seed: of the order of batches and of dropout.
        processes: those that train together; only the main one evaluates and writes.
        snapshots: a folder of this training alone; killed, it goes on from there.
        events: the folder of TensorBoard files.
        on_look: told of each look, numbered from 1, and its validation loss; what it raises ends
            a training of one process.

    Raises:
        TriageError: if the loss is no number any more.
    """
    epochs = planned_epochs(len(train.tokens), settings)
    epoch_steps = -(-len(train.tokens) // settings.batch_size)
    steps, texts = epoch_steps * epochs, len(train.tokens) * epochs
    look_every = -(-epoch_steps // settings.looks_per_epoch)
    batches = length_batches([len(ids) for ids in train.tokens], settings.batch_size, seed=seed)

    student.model.train()
    learner = Learner(student, settings, steps=steps, seed=seed, processes=processes)
    progress = resume(snapshots, learner)
    keeper = Keeper(snapshots if processes.main else None, every_s=settings.snapshot_every_s)
    with (
        ProgressBar(texts, done=progress.texts, shown=processes.main) as bar,
        EventWriter(events if processes.main else None, start=progress.texts) as writer,
    ):
        for batch in islice(batches, progress.step, steps):
            loss = learner.learn(train, batch, step=progress.step + 1)
            progress.advance(len(batch), loss=loss)
            bar.step(len(batch), loss=loss)
            rate = learner.learning_rate(progress.step)
            writer.step(progress.texts, loss=loss, learning_rate=rate)
            if progress.step % look_every == 0 or progress.step == steps:
                found = processes.from_main(
                    lambda: mean_loss(student, validation), device=student.device
                )
                writer.look(progress.texts, validation_loss=found)
                if on_look is not None:
                    on_look(len(progress.curve) + 1, found)
                _require_finite(found, settings)
                if progress.look(found):
                    progress.best_weights = learner.weights()
                elif progress.looks_since_best >= settings.patience:
                    break
            if progress.step < steps:  # a snapshot leaves something to do, so that none waits
                keeper.save_if_due(progress, learner)
    learner.put_weights(progress.best_weights)
    student.model.eval()
    fitted = Fitted(progress.curve, progress.best, progress.seconds, progress.texts < texts)
    logger.info(
        "training: %s texts in %.0f s (%.0f/s), best validation loss %.4f after %s texts",
        f"{progress.texts:,}",
        fitted.seconds,
        fitted.texts_per_second,
        fitted.curve[fitted.best].validation_loss,
        f"{fitted.curve[fitted.best].texts:,}",
    )
    return fitted


def _require_finite(validation_loss: float, settings: TrainingSettings) -> None:
    if not math.isfinite(validation_loss):
        raise TriageError(
            f"training has diverged: the validation loss is {validation_loss}; lower "
            f"training.learning_rate, now {settings.learning_rate:g}"
            + (", or train in fp32" if settings.precision != "fp32" else "")
        )


def planned_epochs(texts: int, settings: TrainingSettings) -> int:
    """As many epochs as settings allow and the budget of texts, if there is one, pays for."""
    if settings.text_budget is None:
        return settings.epochs
    return min(settings.epochs, max(1, round(settings.text_budget / texts)))


def mean_loss(student: Student, examples: Examples) -> float:
    """The training loss over all ``examples``, without learning from them."""
    return soft_cross_entropy(softmax(predict(student, examples.tokens)), examples.targets)
