"""Scoring inside Spark: distinct cleaned texts once, one model a Python worker.

In: a Parquet file with columns row (int64) and text. Out: a Parquet folder with one record a
distinct text: rows (list<int64>), label (int32, or ABSTAINED or NO_TEXT), confidence (float),
truncated (the model read less than the text).
"""

import logging
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.models.metrics import read_served
from common.models.registry import model_folder, served_files, verified_served
from common.runtime.cluster import is_local
from common.runtime.spark import read_parquet, write_parquet
from common.stage.manifest import MANIFEST
from common.tables.writing.formulas import unmarked
from common.text import TextRules
from e_apification.model.predictor import OnnxPredictor, load_predictor

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ABSTAINED, NO_TEXT = -1, -2
_TEXTS_A_TASK, _TASKS_A_CORE = 5_000, 4
_MOST_TASKS = 10_000  # the driver holds some kilobytes of each
_SAY_EVERY_S = 10.0
_NATURAL = pa.schema([("row", pa.int64()), ("natural", pa.string())])
_SCORED = pa.schema(
    [
        ("rows", pa.list_(pa.int64())),
        ("label", pa.int32()),
        ("confidence", pa.float32()),
        ("truncated", pa.bool_()),
    ]
)
logger = logging.getLogger(__name__)


def score_texts(
    session: "SparkSession", texts: Path, *, rows: int, models: Path, model_id: str, out: Path
) -> None:
    """Score every text of ``texts`` with one model model_id.

    Args:
        session: where the work runs; its workers must see the file and the folder of results.
        texts: the Parquet file of rows.
        rows: how many it holds.
        models: the folder of models.
        model_id: the model that scores.
        out: a folder that does not exist yet.
    """
    from pyspark.sql import functions as F

    rules = read_served(model_folder(models, model_id)).text_rules
    clean = partial(_clean_batches, rules=rules)
    with shipped(session, models, model_id) as found, logged_progress(session):
        score = partial(_score_batches, models=found, model_id=model_id)
        scored = (
            read_parquet(session, texts)
            .select("row", "text")
            .mapInArrow(clean, "row long, natural string")
            .repartition(tasks_for(session, rows), "natural")
            .groupBy("natural")
            .agg(F.collect_list("row").alias("rows"))
            .mapInArrow(score, "rows array<long>, label int, confidence float, truncated boolean")
        )
        write_parquet(scored, out)


def tasks_for(session: "SparkSession", texts: int) -> int:
    """In how many parts so many texts are scored."""
    cores = session.sparkContext.defaultParallelism
    return min(max(cores * _TASKS_A_CORE, texts // _TEXTS_A_TASK), max(cores, _MOST_TASKS))


@contextmanager
def shipped(session: "SparkSession", models: Path, model_id: str) -> Iterator[str]:
    """What ``predictor_of`` finds a model by, as long as the context lasts.

    Workers of this machine read the folder of models. Other machines get what serving needs of the
    model from the driver, as an archive, and check it by its manifest: they need not see RUN_DIR.
    """
    if is_local(str(session.sparkContext.master)):
        yield str(models.resolve())
        return
    folder = verified_served(models, model_id)
    with tempfile.TemporaryDirectory(prefix="triage-") as scratch:
        archive = Path(scratch) / f"model-{model_id}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for name in (MANIFEST, *served_files(folder)):
                file.write(folder / name, f"{model_id}/{name}")
        session.sparkContext.addArchive(str(archive))
        yield archive.name


def _clean_batches(
    batches: Iterator[pa.RecordBatch], *, rules: TextRules
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        # A text that this project marked for spreadsheets is the text without the mark.
        natural = [rules.natural(unmarked(text)) for text in batch.column("text").to_pylist()]
        yield pa.record_batch([batch.column("row"), pa.array(natural, pa.string())], _NATURAL)


def _score_batches(
    batches: Iterator[pa.RecordBatch], *, models: str, model_id: str
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        predictor = predictor_of(models, model_id)
        position = {name: i for i, name in enumerate(predictor.labels.names)}
        texts = batch.column("natural").to_pylist()
        predictions = predictor.predict_natural(texts)
        labels = [
            NO_TEXT if not text else ABSTAINED if p.label is None else position[p.label]
            for text, p in zip(texts, predictions, strict=True)
        ]
        columns = [
            batch.column("rows"),
            pa.array(labels, pa.int32()),
            pa.array([p.confidence for p in predictions], pa.float32()),
            pa.array([p.truncated for p in predictions], pa.bool_()),
        ]
        yield pa.record_batch(columns, _SCORED)


@cache
def predictor_of(models: str, model_id: str) -> OnnxPredictor:
    """The model of this Python worker, loaded once; Spark keeps workers from task to task.

    models: from ``shipped``.
    """
    from pyspark import SparkFiles

    folder = Path(models) if Path(models).is_absolute() else Path(SparkFiles.get(models))
    return load_predictor(folder, model_id, threads=1)


@contextmanager
def logged_progress(session: "SparkSession") -> Iterator[None]:
    """Say every few seconds how many tasks are done; a terminal has Spark's own bar."""
    done = threading.Event()
    tracker = session.sparkContext.statusTracker()

    def say() -> None:
        while not done.wait(_SAY_EVERY_S):
            for stage in tracker.getActiveStageIds():
                info = tracker.getStageInfo(stage)
                if info:
                    logger.info("%d of %d parts done", info.numCompletedTasks, info.numTasks)

    teller = threading.Thread(target=say, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
