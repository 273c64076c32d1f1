"""Train a student on the labeled rows: read and part them, load, tokenize, fit.

Every process that takes part runs this; only the main one goes on to build.py.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.config.training import TrainingSettings
from common.errors import TriageError
from common.labels import LabelSchema
from common.stage.manifest import RowCounts
from d_training.data.feedback import Feedback, with_feedback
from d_training.data.lessons import schema_lessons
from d_training.data.rows import Parts, Rows, part_rows, read_rows
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.fit import Fitted, fit
from d_training.fine_tuning.processes import Processes, joined
from d_training.fine_tuning.student import Student, load_student, tokenize

if TYPE_CHECKING:
    from d_training.experiment import Experiment

logger = logging.getLogger(__name__)


class Trained(NamedTuple):
    """student: with its best weights; parts: the rows and their use; rows: the same, counted."""

    student: Student
    fitted: Fitted
    parts: Parts
    rows: RowCounts
    test: Examples


def train_student(experiment: "Experiment") -> Trained:
    """Train together with the other processes, if there are any, and part.

    Raises:
        DataError: if the labeled rows don't suffice.
    """
    training, seed, schema = experiment.training, experiment.seed, experiment.schema
    paths, model_id = experiment.paths, experiment.model_id
    parts, counts = read_parts(
        paths.labeled, schema, training=training, seed=seed, feedback=experiment.feedback
    )
    student = load_student(
        experiment.checkpoint,
        schema.names,
        precision=training.precision,
        seed=seed,
        device=experiment.place.device,
    )
    logger.info(
        "training %s on %s in %s (%s)",
        training.student,
        student.device,
        student.precision,
        experiment.place.reason,
    )
    train, validation, test = make_examples(
        parts, student, schema=schema, labeled=paths.labeled, settings=training
    )
    with joined(student.device) as processes:
        _require_same(processes, model_id, student)
        fitted = fit(
            student,
            train,
            validation,
            settings=training,
            seed=seed,
            processes=processes,
            snapshots=paths.snapshots / model_id,
            events=paths.tensorboard / model_id if training.tensorboard else None,
        )
    return Trained(student, fitted, parts, counts, test)


def read_parts(
    labeled: Path,
    schema: LabelSchema,
    *,
    training: TrainingSettings,
    seed: int,
    feedback: Feedback | None,
) -> tuple[Parts, RowCounts]:
    """The rows of data/labeled, with people's labels if there are any, and their use, counted.

    Raises:
        DataError: if they don't suffice.
    """
    rows, unusable = read_rows(labeled / "messages", schema)
    if feedback is not None:
        rows = with_feedback(rows, feedback, schema)
    parts = part_rows(rows, training, seed=seed)
    logger.info(
        "rows: %s train (%s labeled by people), %s validation, %s test",
        f"{len(parts.train):,}",
        f"{parts.train.human.sum():,}",
        f"{len(parts.validation):,}",
        f"{len(parts.test):,}",
    )
    return parts, _row_counts(parts, taken=len(rows) + unusable, unusable=unusable)


def make_examples(
    parts: Parts,
    student: Student,
    *,
    schema: LabelSchema,
    labeled: Path,
    settings: TrainingSettings,
) -> tuple[Examples, Examples, Examples]:
    """Training, with the schema's own sentences where wanted, validation and test."""
    train, validation, test = (
        _examples(student, part, settings) for part in (parts.train, parts.validation, parts.test)
    )
    train = _weighted(train, parts.train, settings)
    if settings.schema_sentences:
        lessons = schema_lessons(schema, labeled=labeled)
        train = _with_lessons(train, student, lessons, settings)
    return train, validation, test


def _require_same(processes: Processes, model_id: str, student: Student) -> None:
    """Each process has read the store by itself, and somebody may have added to it meanwhile."""
    mine = float(int(model_id, 16))  # 48 bits, which a double holds
    if processes.from_main(lambda: mine, device=student.device) != mine:
        raise TriageError("labels were added while the processes started; run the command again")


def _examples(student: Student, rows: Rows, settings: TrainingSettings) -> Examples:
    tokens = tokenize(student.tokenizer, rows.texts.tolist(), max_length=settings.max_length)
    return Examples(tokens, rows.scores)


def _weighted(train: Examples, rows: Rows, settings: TrainingSettings) -> Examples:
    """The loss is linear in its targets, so scaling those of a text is how much it counts."""
    weights = np.where(rows.human, np.float32(settings.human_weight), np.float32(1))
    return train._replace(targets=train.targets * weights[:, None])


def _with_lessons(
    train: Examples,
    student: Student,
    lessons: tuple[list[str], NDArray[np.float32]],
    settings: TrainingSettings,
) -> Examples:
    texts, targets = lessons
    tokens = tokenize(student.tokenizer, texts, max_length=settings.max_length)
    return Examples(train.tokens + tokens, np.concatenate([train.targets, targets]))


def _row_counts(parts: Parts, *, taken: int, unusable: int) -> RowCounts:
    dropped = {"no text or scores": unusable, **parts.left_out}
    return RowCounts(
        taken=taken,
        out=len(parts.train) + len(parts.validation) + len(parts.test),
        dropped={reason: n for reason, n in dropped.items() if n},
    )
