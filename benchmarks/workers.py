"""A teacher at work as in Spark: a worker a core, each with one session of one thread."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from c_classification.teacher.teacher import Opinions, TeacherSpec, load_teacher


class Labeled(NamedTuple):
    """opinions: as of one teacher, in the order of the texts; seconds: loading not counted."""

    opinions: Opinions
    seconds: float


def label_in_workers(spec: TeacherSpec, texts: Sequence[str], *, workers: int) -> Labeled:
    # What is cached is one teacher a process; workers are threads here, and each has its own.
    teachers = [load_teacher.__wrapped__(spec, threads=1) for _ in range(workers)]
    for teacher in teachers:
        teacher.score(texts[:1])
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda w: teachers[w].score(texts[w::workers]), range(workers)))
    seconds = time.perf_counter() - started
    back = np.argsort(np.concatenate([np.arange(len(texts))[w::workers] for w in range(workers)]))
    scores = np.concatenate([part.scores for part in parts])[back]  # (N, K)
    by_member = np.concatenate([part.by_member for part in parts], axis=1)[:, back]  # (M, N, K)
    return Labeled(Opinions(scores, by_member), seconds)
