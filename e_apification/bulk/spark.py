"""Scoring inside Spark: distinct cleaned texts once, one model a Python worker.

In: a Parquet file with columns row (int64) and text. Out: a Parquet folder with one record a
distinct text: rows (list<int64>), label (int32, or ABSTAINED or NO_TEXT), confidence (float),
truncated (the model read less than the text).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.models.metrics import read_served
from common.models.registry import model_folder
from common.runtime.spark import read_parquet, write_parquet
from common.tables.writing.formulas import unmarked
from common.text import TextRules
from e_apification.model.predictor import OnnxPredictor, load_predictor

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ABSTAINED, NO_TEXT = -1, -2
_ROWS_A_TASK = 5_000
_TASKS_A_CORE = 4
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
        session: where the work runs; its workers must see the two folders.
        texts: the Parquet file of rows.
        rows: how many it holds.
        models: the folder of models.
        model_id: the model that scores.
        out: a folder that does not exist yet.
    """
    from pyspark.sql import functions as F

    tasks = max(session.sparkContext.defaultParallelism * _TASKS_A_CORE, rows // _ROWS_A_TASK)
    rules = read_served(model_folder(models, model_id)).text_rules
    clean = partial(_clean_batches, rules=rules)
    score = partial(_score_batches, models=str(models.resolve()), model_id=model_id)
    scored = (
        read_parquet(session, texts)
        .select("row", "text")
        .mapInArrow(clean, "row long, natural string")
        .repartition(tasks, "natural")
        .groupBy("natural")
        .agg(F.collect_list("row").alias("rows"))
        .mapInArrow(score, "rows array<long>, label int, confidence float, truncated boolean")
    )
    with logged_progress(session):
        write_parquet(scored, out)


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
    """The model of this Python worker, loaded once; Spark keeps workers from task to task."""
    return load_predictor(Path(models), model_id, threads=1)


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
