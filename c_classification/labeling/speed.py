"""How fast the teacher labels the texts at hand, and until when: measured before labeling starts.

The workers that will label score a few of the texts first; the teachers that they load stay.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from c_classification.teacher.teacher import TeacherSpec, load_teacher

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FEWEST = 200  # texts; of fewer there is nothing to wait for
_SHARE = 0.05  # of the texts at most are scored twice
_LONGEST_S = 10.0
# Texts that a worker scores at once, and in all: a GPU is fast only with many.
_SLICE, _A_WORKER = {"cpu": 8, "cuda": 512}, {"cpu": 64, "cuda": 4096}
_TRIED = pa.schema([("texts", pa.int32()), ("seconds", pa.float64()), ("loads", pa.int32())])
_TRIED_DDL = "texts int, seconds double, loads int"
logger = logging.getLogger(__name__)


class Trial(NamedTuple):
    """Texts that were scored, texts a second of all workers together, models loaded for it."""

    texts: int
    speed: float
    loads: int


def measure(texts: "DataFrame", spec: TeacherSpec, *, count: int, threads: int) -> Trial | None:
    """Score a few of ``count`` distinct texts (column text), the same in every run of them.

    None where they are so few that labeling them all takes no longer.
    """
    from pyspark.sql import functions as F

    session = texts.sparkSession
    workers = session.sparkContext.defaultParallelism
    slice_size, most = _SLICE[spec.device], _A_WORKER[spec.device]
    a_worker = min(most, max(2 * slice_size, int(count * _SHARE / workers)))
    if count < max(_FEWEST, a_worker * workers):
        return None

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        own = [text for batch in batches for text in batch.column("text").to_pylist()]
        yield _score(own, spec, size=slice_size, threads=threads)

    drawn = texts.orderBy(F.xxhash64("text")).limit(a_worker * workers).collect()
    rows = [(n % workers, row.text) for n, row in enumerate(drawn)]
    parted = session.createDataFrame(rows, "worker int, text string")
    tried = parted.repartitionById(workers, F.col("worker")).mapInArrow(score, _TRIED_DDL).collect()
    done = [row for row in tried if row.seconds]
    return Trial(
        sum(row.texts for row in done),
        sum(row.texts / row.seconds for row in done),
        sum(row.loads for row in tried),
    )


def describe(count: int, trial: Trial, *, now: datetime) -> str:
    """The line before labeling: how many texts, how fast, how long, until when."""
    seconds = count / trial.speed
    end = now + timedelta(seconds=seconds)
    clock = f"{end:%H:%M}" if end.date() == now.date() else f"{end:%a %d %B, %H:%M}"
    return (
        f"labeling {count:,} texts at {trial.speed:,.3g} texts/s (measured on {trial.texts:,} of "
        f"them): {_duration(seconds)}, until {clock}"
    )


def _score(texts: list[str], spec: TeacherSpec, *, size: int, threads: int) -> pa.RecordBatch:
    """Score slices of ``texts``; the first one, in which all gets warm, is not timed."""
    loads = -load_teacher.cache_info().misses
    teacher = load_teacher(spec, threads=threads)
    loads += load_teacher.cache_info().misses
    teacher.score(texts[:size])
    done, started = 0, time.perf_counter()
    for start in range(size, len(texts), size):
        taken = texts[start : start + size]
        teacher.score(taken)
        done += len(taken)
        if time.perf_counter() - started > _LONGEST_S:
            break
    values = {"texts": [done], "seconds": [time.perf_counter() - started], "loads": [loads]}
    return pa.RecordBatch.from_pydict(values, schema=_TRIED)


def _duration(seconds: float) -> str:
    """80 -> ``80 s``, 600 -> ``10 min``, 9000 -> ``2.5 h``."""
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
