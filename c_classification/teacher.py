"""What a teacher is, and how one gets from settings to a Spark worker.

The driver calls ``prepare_teacher`` once: weights checked, exported, kept in RUN_DIR/.cache. Each
Python worker calls ``load_teacher`` with the small spec that came of it, and keeps the session.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from common.labels import LabelSchema
from common.schema import ClassificationSettings
from common.weights import checkpoint_files, checkpoint_folder

Scores = NDArray[np.float32]


class Teacher(Protocol):
    """Scores texts against the label schema; each text alone, whatever stands beside it."""

    def score(self, texts: Sequence[str]) -> Scores:
        """(N, K) float32 in [0, 1], columns in schema order.

        Rows sum to 1, except where the teacher scores each label apart (``nli.multi_label``).
        """
        ...


class TeacherSpec(NamedTuple):
    """All that a worker needs to load a teacher: hashable, and small enough for a Spark closure."""

    settings: ClassificationSettings
    schema: LabelSchema
    folder: Path  # what prepare_teacher made


class Decisions(NamedTuple):
    """labels: N names, None where the teacher abstains; confidence: (N,) its highest score."""

    labels: list[str | None]
    confidence: NDArray[np.float32]


def prepare_teacher(
    settings: ClassificationSettings, schema: LabelSchema, *, cache: Path
) -> TeacherSpec:
    """Check and export the teacher's weights; a second call finds the work done."""
    if settings.teacher == "nli":
        from c_classification.nli import prepare_nli

        folder = prepare_nli(settings, schema, cache=cache)
    else:
        from c_classification.embedding import prepare_embedding

        folder = prepare_embedding(settings, schema, cache=cache)
    return TeacherSpec(settings, schema, folder.resolve())


def weights_files(settings: ClassificationSettings) -> list[Path]:
    """The files that hold the teacher's weights: inputs of the stage, like its data."""
    chosen = settings.nli if settings.teacher == "nli" else settings.embedding
    return checkpoint_files(checkpoint_folder(chosen.checkpoint, revision=chosen.revision))


@functools.lru_cache(maxsize=1)
def load_teacher(spec: TeacherSpec, *, threads: int) -> Teacher:
    """The teacher of a spec; one a process, however many batches ask for it."""
    if spec.settings.teacher == "nli":
        from c_classification.nli import NliTeacher

        return NliTeacher(spec.settings, spec.schema, spec.folder, threads=threads)
    from c_classification.embedding import EmbeddingTeacher

    return EmbeddingTeacher(spec.settings, spec.schema, spec.folder, threads=threads)


def decide(scores: Scores, *, names: Sequence[str], threshold: float) -> Decisions:
    """Name the best label of each row, or None where even that scores below ``threshold``.

    Abstaining is not the catch-all label: that one is a category like the others ("this is none
    of them"), with wording of its own, while an abstention says that the teacher can't tell.
    """
    if not len(scores):
        return Decisions([], np.zeros(0, np.float32))
    best = scores.argmax(axis=1)
    confidence = scores[np.arange(len(scores)), best]
    sure = confidence >= threshold
    labels = [names[k] if yes else None for k, yes in zip(best, sure, strict=True)]
    return Decisions(labels, confidence)
