"""Label distinct texts in shards, inside Spark; a killed run leaves its finished shards behind.

A text's shard is a hash of the text, so every run of the same data cuts it alike. Each task labels
one shard with its worker's one teacher and renames the finished file into place.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from c_classification.labeling.speed import describe, measure
from c_classification.teacher.teacher import TeacherSpec, decide, load_teacher
from common.config.spark import SparkSettings
from common.errors import DataError
from common.log import progress
from common.onnx.device import Device
from common.runtime.cluster import is_local
from common.stage.files import sync_folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

SHARD_SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("label", pa.string()),
        ("confidence", pa.float32()),
        ("scores", pa.list_(pa.float32())),
        ("votes", pa.list_(pa.string())),  # the best label of each member
    ]
)
SHARD_DDL = "text string, label string, confidence float, scores array<float>, votes array<string>"
_SHARD_INPUT = pa.schema([("text", pa.string()), ("shard", pa.int32())])
_DONE_SCHEMA = pa.schema([("shard", pa.int32()), ("worker", pa.string()), ("loads", pa.int32())])
_DONE_DDL = "shard int, worker string, loads int"
_POLL_S = 0.2
_MOST_SHARDS = 10_000  # a task each, whose outcomes the driver holds; of more texts, larger ones
logger = logging.getLogger(__name__)


class Labeled(NamedTuple):
    """What labeling took: texts and shards in all, shards found done, workers, model loads."""

    texts: int
    shards: int
    resumed: int
    workers: int
    loads: int


def label_texts(texts: "DataFrame", spec: TeacherSpec, folder: Path) -> Labeled:
    """Write labels of all distinct texts as Parquet files (``SHARD_SCHEMA``) into ``folder``.

    Args:
        texts: one string column, ``text``, without nulls; repeats are labeled once.
        spec: from ``prepare_teacher``.
        folder: seen by every worker; finished shards of a killed run are kept.
    """
    from pyspark.sql import functions as F

    folder = folder.resolve()  # a worker may run elsewhere
    folder.mkdir(exist_ok=True)
    distinct = texts.select("text").distinct()
    total = distinct.count()
    if not total:
        return Labeled(0, 0, 0, workers=0, loads=0)
    shards = min(-(-total // spec.settings.shard_rows), _MOST_SHARDS)
    found = {shard for shard in range(shards) if shard_path(folder, shard, shards).is_file()}
    if found:
        logger.info("going on after %s of %s shards", f"{len(found):,}", f"{shards:,}")
    if len(found) == shards:
        return Labeled(total, shards, len(found), workers=0, loads=0)

    shard = F.pmod(F.xxhash64("text"), F.lit(shards)).cast("int")
    unlabeled = distinct.withColumn("shard", shard).where(~F.col("shard").isin(*found))
    threads = threads_per_worker(texts.sparkSession)
    left = unlabeled.count()
    trial = measure(unlabeled, spec, count=left, threads=threads)
    if trial is not None:
        logger.info("%s", describe(left, trial, now=datetime.now().astimezone()))
    else:
        logger.info("labeling %s texts", f"{left:,}")

    def label_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from label_shard(batches, spec, folder, shards=shards, threads=threads)

    done = unlabeled.repartitionById(shards, F.col("shard")).mapInArrow(label_partition, _DONE_DDL)
    rows = _collect(done, folder, remaining=shards - len(found))
    workers, loads = len({row.worker for row in rows}), sum(row.loads for row in rows)
    loads += trial.loads if trial is not None else 0
    return Labeled(total, shards, len(found), workers, loads)


def label_shard(
    batches: Iterable[pa.RecordBatch], spec: TeacherSpec, folder: Path, *, shards: int, threads: int
) -> Iterator[pa.RecordBatch]:
    """Label one shard (columns text, shard), write its file; say which worker loaded what."""
    table = pa.Table.from_batches(list(batches), _SHARD_INPUT)
    if not table.num_rows:
        return
    shard = table["shard"][0].as_py()
    texts = table["text"].to_pylist()
    loaded_before = load_teacher.cache_info().misses
    scores, by_member = load_teacher(spec, threads=threads).score(texts)  # (N, K), (M, N, K)
    loads = load_teacher.cache_info().misses - loaded_before
    if scores.shape != (len(texts), len(spec.schema.names)):
        raise DataError(f"the teacher gave scores of shape {scores.shape} for {len(texts)} texts")
    chosen = decide(scores, names=spec.schema.names, threshold=spec.settings.threshold)
    names = np.array(spec.schema.names)
    votes = names[by_member.argmax(axis=2)].T.tolist()  # N lists of M
    columns = [texts, chosen.labels, chosen.confidence, list(scores), votes]
    write_shard(pa.table(columns, schema=SHARD_SCHEMA), shard_path(folder, shard, shards))
    worker = f"{os.uname().nodename}:{os.getpid()}"
    yield pa.RecordBatch.from_pydict(
        {"shard": [shard], "worker": [worker], "loads": [loads]}, schema=_DONE_SCHEMA
    )


def write_shard(table: pa.Table, path: Path) -> None:
    """Write aside and rename, so that a shard's file is whole if it exists."""
    partial = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.part")
    with partial.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """The file of one shard; the count is in the name, for another count is another cut."""
    return folder / f"shard-{shard:06d}-of-{shards:06d}.parquet"


def engine(settings: SparkSettings, device: Device) -> SparkSettings:
    """A worker a core, but one alone for a GPU, which each would fill with a model of its own."""
    if device == "cuda" and is_local(settings.master):
        return settings.model_copy(update={"master": "local[1]"})
    return settings


def threads_per_worker(spark: "SparkSession") -> int:
    """Cores over workers, so that sessions side by side do not fight for the same cores."""
    context = spark.sparkContext
    if is_local(str(context.master)):
        return max(1, (os.cpu_count() or 1) // context.defaultParallelism)
    return int(context.getConf().get("spark.task.cpus", "1"))


def _collect(frame: "DataFrame", folder: Path, *, remaining: int) -> "list[Row]":
    """Run the job in a thread and show, shard by shard, how far it is."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        job = pool.submit(frame.collect)
        try:
            for _ in progress(
                _appearing(folder, job), total=remaining, what="labeling", unit="shards"
            ):
                pass
        except KeyboardInterrupt:
            frame.sparkSession.sparkContext.cancelAllJobs()
            raise
        return job.result()


def _appearing(folder: Path, job: "Future[list[Row]]") -> Iterator[Path]:
    """Yield each finished shard's file as it turns up, until the job ends."""
    seen = set(folder.glob("shard-*.parquet"))
    running = True
    while running:
        running = not job.done()
        time.sleep(_POLL_S if running else 0)
        new = set(folder.glob("shard-*.parquet")) - seen
        seen |= new
        yield from new
