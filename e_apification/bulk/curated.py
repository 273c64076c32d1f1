"""Label the curated messages with the production model: python -m e_apification score.

data/curated in, data/scored out: every message with its label, in folders by date. A message that
has a label keeps it, so that a daily run scores what is new; after a change of the model, relabel
scores again what another model labeled. Labels that are kept have the model_id that gave them.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.config.schema import Settings
from common.errors import TriageError
from common.models.model_source import fetch_served
from common.models.registry import require_production_id
from common.runtime.spark import read_parquet, write_parquet
from common.stage.manifest import Manifest, RowCounts, find_manifest, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tracking.records import Tracker
from e_apification.bulk.rows import ADDED
from e_apification.bulk.spark import logged_progress, predictor_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OpenSession = Callable[[], "AbstractContextManager[SparkSession]"]
MESSAGES, DATE = "messages", "created_date"
_TEXTS_A_TASK = 5_000
_TASKS_A_CORE = 4
_SCORED = pa.schema(
    [
        ("text", pa.string()),
        ("label", pa.string()),
        ("confidence", pa.float32()),
        ("abstained", pa.bool_()),
        ("truncated", pa.bool_()),
        ("model_id", pa.string()),
    ]
)
_SCORED_DDL = (
    "text string, label string, confidence float, abstained boolean, truncated boolean, "
    "model_id string"
)
logger = logging.getLogger("e_apification.bulk.score")


def score_curated(settings: Settings, *, relabel: bool, open_session: OpenSession) -> Manifest:
    """Bring data/scored up to date with data/curated and return its manifest.

    Args:
        settings: of the run.
        relabel: score again what another model labeled; else it keeps that label.
        open_session: starts Spark.

    Raises:
        TriageError: if data/curated or a production model is missing.
    """
    paths = settings.paths
    require_manifest(paths.curated, made_by="data_transformation")
    models = fetch_served(settings)
    model_id = require_production_id(models)
    plan = plan_stage(
        "e_apification",
        code=("e_apification.bulk.curated",),
        settings={"model_id": model_id, "relabel": relabel},
        inputs=[paths.curated],
    )
    earlier = paths.scored.resolve() / MESSAGES if find_manifest(paths.scored) else None

    def build(folder: Path) -> Built:
        with open_session() as session:
            return _build(
                session,
                folder,
                messages=read_parquet(session, paths.curated / MESSAGES),
                known=_known(session, earlier, model_id=model_id if relabel else None),
                score=partial(_score_batches, models=str(models.resolve()), model_id=model_id),
            )

    return run_stage(plan, output=paths.scored, build=build, on_built=Tracker(settings))


def _known(
    session: "SparkSession", earlier: Path | None, *, model_id: str | None
) -> "DataFrame | None":
    """Labels by tweet_id that are kept: all, or those of one model."""
    from pyspark.sql import functions as F

    if earlier is None:
        return None
    labels = read_parquet(session, earlier).select("tweet_id", *ADDED)
    return labels if model_id is None else labels.where(F.col("model_id") == model_id)


def _build(
    session: "SparkSession",
    folder: Path,
    *,
    messages: "DataFrame",
    known: "DataFrame | None",
    score: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]],
) -> Built:
    from pyspark.sql import functions as F

    started = time.monotonic()
    rows = messages.count()
    open_rows = messages.select("tweet_id", "text")
    if known is not None:
        open_rows = open_rows.join(known, on="tweet_id", how="left_anti")
    texts = open_rows.select("text").distinct()
    distinct = texts.count()
    tasks = max(session.sparkContext.defaultParallelism * _TASKS_A_CORE, distinct // _TEXTS_A_TASK)
    with logged_progress(session):
        scored = texts.repartition(tasks, "text").mapInArrow(score, _SCORED_DDL)
        write_parquet(scored, folder / "texts")
    seconds = time.monotonic() - started
    new = read_parquet(session, folder / "texts", schema=_SCORED_DDL)
    labels = open_rows.join(new, on="text", how="inner").select("tweet_id", *ADDED)
    labeled_now = labels.count()
    if known is not None:
        labels = labels.unionByName(known)
    labeled = messages.join(labels, on="tweet_id", how="inner").withColumn(
        DATE, F.date_format("created_at", "yyyy-MM-dd")
    )
    target = folder / MESSAGES
    labeled.repartition(DATE).write.partitionBy(DATE).parquet(str(target.resolve()))
    written = read_parquet(session, target)
    figures = _figures(written)
    shutil.rmtree(folder / "texts")
    if figures["rows"] != rows:
        raise TriageError(
            f"{rows:,} messages became {figures['rows']:,} labeled ones; nothing is published; "
            "run again, and report it if it stays"
        )
    logger.info("%s of %s messages were labeled now", f"{labeled_now:,}", f"{rows:,}")
    return Built(
        RowCounts(taken=rows, out=rows),
        figures
        | {
            "labeled_now": labeled_now,
            "distinct_texts": distinct,
            "scoring_seconds": round(seconds, 1),
        },
    )


def _figures(written: "DataFrame") -> dict[str, object]:
    """Rows by label and by model."""
    from pyspark.sql import functions as F

    groups = written.groupBy("label", "model_id").agg(F.count("*").alias("rows")).collect()
    labels: dict[str, int] = {}
    models: dict[str, int] = {}
    for group in groups:
        if group["label"] is not None:
            labels[group["label"]] = labels.get(group["label"], 0) + group["rows"]
        models[group["model_id"]] = models.get(group["model_id"], 0) + group["rows"]
    rows = sum(models.values())
    return {
        "rows": rows,
        "labels": dict(sorted(labels.items())),
        "abstained": rows - sum(labels.values()),
        "models": dict(sorted(models.items())),
    }


def _score_batches(
    batches: Iterator[pa.RecordBatch], *, models: str, model_id: str
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        texts = batch.column("text").to_pylist()
        predictions = predictor_of(models, model_id).predict_natural(texts)
        columns = [
            batch.column("text"),
            pa.array([p.label for p in predictions], pa.string()),
            pa.array([p.confidence for p in predictions], pa.float32()),
            pa.array([p.label is None for p in predictions], pa.bool_()),
            pa.array([p.truncated for p in predictions], pa.bool_()),
            pa.array([model_id] * len(texts), pa.string()),
        ]
        yield pa.record_batch(columns, _SCORED)
