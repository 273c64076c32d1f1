"""What a teacher is, and how one gets from settings to a Spark worker.

The driver calls ``prepare_teacher`` once: weights checked, exported, kept in RUN_DIR/.cache. Each
Python worker calls ``load_teacher`` with the small spec that came of it, and keeps the sessions.
A teacher has one member or, as ``ensemble``, several, whose scores are averaged by weight.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from c_classification.teacher.embedding import EmbeddingTeacher, base_checkpoint, prepare_embedding
from c_classification.teacher.label_adapter.shipped import MADE, WEIGHTS
from c_classification.teacher.member import Among, Member, Scores
from c_classification.teacher.nli import NliTeacher, nli_files, prepare_nli
from common.config.classification import ClassificationSettings, TeacherKind
from common.labels import LabelSchema
from common.log import progress
from common.onnx.device import Device
from common.onnx.weights import checkpoint_files

_BATCH = 64
# A mean of calibrated opinions is less sure than it is right (linear pools: Ranjan and Gneiting
# 2010), so it is sharpened; a rule as fixed as the members' own, not fitted to any labeled text.
_POOL_TEMPERATURE = 0.85


class TeacherSpec(NamedTuple):
    """All that a worker needs to load a teacher: hashable, and small enough for a Spark closure."""

    settings: ClassificationSettings
    schema: LabelSchema
    folders: tuple[Path, ...]  # what prepare_teacher made, one a member
    device: Device = "cpu"


class Opinions(NamedTuple):
    """scores: (N, K), the teacher's; by_member: (M, N, K), its members'."""

    scores: Scores
    by_member: Scores


class Decisions(NamedTuple):
    """labels: N names, None where the teacher abstains; confidence: (N,) its highest score."""

    labels: list[str | None]
    confidence: NDArray[np.float32]


class Teacher:
    """Members in the order of ``member_weights``, and the sharpened mean of what they say.

    With a shortlist the first proposes so many labels a text, and the others share out among
    those what it gave them together: then cost does not grow with the number of labels.
    """

    def __init__(
        self, members: Sequence[Member], *, weights: Sequence[float], shortlist: int | None = None
    ) -> None:
        self._members = members
        self._weights = np.array(weights, np.float32) / np.float32(sum(weights))  # (M,)
        self._shortlist = shortlist

    def score(self, texts: Sequence[str]) -> Opinions:
        """What the members say of N texts, and what comes of it."""
        first = self._members[0].score(texts)  # (N, K)
        opinions = [first]
        for member in self._members[1:]:
            if self._shortlist is None or self._shortlist >= first.shape[1]:
                opinions.append(member.score(texts))
                continue
            among = best_labels(first, count=self._shortlist)
            shared = (first * among).sum(axis=1, keepdims=True)  # (N, 1)
            opinions.append(np.where(among, member.score(texts, among) * shared, first))
        by_member = np.stack(opinions)  # (M, N, K)
        if len(opinions) == 1:
            return Opinions(first, by_member)
        pooled = np.tensordot(self._weights, by_member, axes=1) ** np.float32(1 / _POOL_TEMPERATURE)
        return Opinions(pooled / pooled.sum(axis=1, keepdims=True), by_member)


def best_labels(scores: Scores, *, count: int) -> Among:
    """The ``count`` highest of each row; ties go to the earlier label."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    among = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(among, order, True, axis=1)
    return among


def member_weights(settings: ClassificationSettings) -> dict[TeacherKind, float]:
    """The members of the teacher, in their order, and the weight of each."""
    if settings.teacher != "ensemble":
        return {settings.teacher: 1.0}
    ensemble = settings.ensemble
    weights: dict[TeacherKind, float] = {"embedding": ensemble.embedding, "nli": ensemble.nli}
    return {kind: weight for kind, weight in weights.items() if weight}


def prepare_teacher(
    settings: ClassificationSettings,
    schema: LabelSchema,
    *,
    cache: Path,
    device: Device = "cpu",
) -> TeacherSpec:
    """Check and export the members' weights; a second call finds the work done."""
    prepare = {"nli": prepare_nli, "embedding": prepare_embedding}
    folders = (
        prepare[kind](settings, schema, cache=cache, device=device)
        for kind in member_weights(settings)
    )
    return TeacherSpec(settings, schema, tuple(folder.resolve() for folder in folders), device)


def teacher_files(settings: ClassificationSettings, *, cache: Path) -> list[Path]:
    """The files that the members are made from: inputs of the stage, like its data."""
    files: list[Path] = []
    for kind in member_weights(settings):
        if kind == "nli":
            files += nli_files(settings.nli)
        else:
            files += [*checkpoint_files(base_checkpoint(settings, cache=cache)), WEIGHTS / MADE]
    return files


@functools.lru_cache(maxsize=1)
def load_teacher(spec: TeacherSpec, *, threads: int) -> Teacher:
    """The teacher of a spec; one a process, however many batches ask for it."""
    build: dict[TeacherKind, type[Member]] = {"nli": NliTeacher, "embedding": EmbeddingTeacher}
    weights = member_weights(spec.settings)
    members = [
        build[kind](spec.settings, spec.schema, folder, threads=threads, device=spec.device)
        for kind, folder in zip(weights, spec.folders, strict=True)
    ]
    shortlist = spec.settings.ensemble.shortlist
    return Teacher(members, weights=list(weights.values()), shortlist=shortlist)


def score_texts(
    settings: ClassificationSettings,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    cache: Path,
    device: Device = "cpu",
) -> Scores:
    """(N, K) by the teacher of ``settings``, in this process, with progress shown."""
    spec = prepare_teacher(settings, schema, cache=cache, device=device)
    teacher = load_teacher(spec, threads=os.cpu_count() or 1)
    starts = range(0, len(texts), _BATCH)
    parts = [
        teacher.score(texts[start : start + _BATCH]).scores
        for start in progress(starts, total=len(starts), what="labeling", unit="batches")
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(schema.names)), np.float32)


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
