"""Label the curated messages with the production model: python -m e_apification score.

data/curated in, data/scored out: every message with its label, in folders by date. A message that
has a label keeps it, so that a daily run scores what is new; relabel scores again what another
model labeled. Kept labels have the model_id that gave them. Where a person labeled a text, that
label stands in place of the model's; ``source`` says whose it is.
"""

import hashlib
import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from common.config.schema import Settings
from common.errors import TriageError
from common.labels import load_labels
from common.models.model_source import fetch_served
from common.models.registry import LABELS, model_folder, require_production_id
from common.runtime.spark import read_parquet, write_parquet
from common.stage.manifest import Manifest, RowCounts, find_manifest, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.store import has_store
from common.tracking.records import Tracker
from e_apification.bulk.label_mix import write_label_mix
from e_apification.bulk.rows import ADDED
from e_apification.bulk.spark import logged_progress, predictor_of, shipped, tasks_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OpenSession = Callable[[], "AbstractContextManager[SparkSession]"]
MESSAGES, DATE = "messages", "created_date"
PERSON, STUDENT = "person", "student"
_ROWS_A_FILE = 5_000_000
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
    served = model_folder(models, model_id)
    people = _labels_of_people(settings, load_labels(served / LABELS).names)
    scored = find_manifest(paths.scored)
    kept = scored.figures["models"] if scored and not relabel else ()
    plan = plan_stage(
        "e_apification",
        code=("e_apification.bulk.curated",),
        settings={"models": sorted({model_id, *kept}), "people": _digest(people)},
        inputs=[paths.curated],
    )
    earlier = paths.scored.resolve() / MESSAGES if scored else None

    def build(folder: Path) -> Built:
        with open_session() as session, shipped(session, models, model_id) as found:
            return _build(
                session,
                folder,
                messages=read_parquet(session, paths.curated / MESSAGES),
                known=_known(session, earlier, model_id=model_id if relabel else None),
                people=people,
                score=partial(_score_batches, models=found, model_id=model_id),
            )

    manifest = run_stage(plan, output=paths.scored, build=build, on_built=Tracker(settings))
    write_label_mix(settings, manifest, folder=served)
    return manifest


def _labels_of_people(settings: Settings, names: tuple[str, ...]) -> dict[str, str]:
    """By dedup_key of the text, those that the model knows too."""
    if not has_store(settings):
        return {}
    from common.store.engine import open_store
    from common.store.feedback import last_labels, read_feedback

    engine = open_store(settings)
    try:
        rows = read_feedback(engine)
    finally:
        engine.dispose()
    return {key: row.label for key, row in last_labels(rows).items() if row.label in names}


def _digest(people: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(people.items())).encode()).hexdigest()


def _known(
    session: "SparkSession", earlier: Path | None, *, model_id: str | None
) -> "DataFrame | None":
    """The model's labels by tweet_id that are kept: all, or those of one model."""
    from pyspark.sql import functions as F

    if earlier is None:
        return None
    scored = read_parquet(session, earlier)
    labels = scored.where(F.col("model_id").isNotNull()).select("tweet_id", *ADDED)
    return labels if model_id is None else labels.where(F.col("model_id") == model_id)


def _build(
    session: "SparkSession",
    folder: Path,
    *,
    messages: "DataFrame",
    known: "DataFrame | None",
    people: dict[str, str],
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
    with logged_progress(session):
        parted = texts.repartition(tasks_for(session, distinct), "text")
        scored = parted.mapInArrow(score, _SCORED_DDL)
        write_parquet(scored, folder / "texts")
    seconds = time.monotonic() - started
    new = read_parquet(session, folder / "texts", schema=_SCORED_DDL)
    labels = open_rows.join(new, on="text", how="inner").select("tweet_id", *ADDED)
    labeled_now = labels.count()
    if known is not None:
        labels = labels.unionByName(known)
    labeled = _with_people(messages.join(labels, on="tweet_id", how="inner"), people)
    dated = labeled.withColumn(DATE, F.date_format("created_at", "yyyy-MM-dd"))
    target = folder / MESSAGES
    # A file a day, or several: a source without dates is all of one.
    share = F.pmod(F.xxhash64("tweet_id"), F.lit(1 + rows // _ROWS_A_FILE))
    write_parquet(dated.repartition(DATE, share), target, partition_by=[DATE])
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


def _with_people(labeled: "DataFrame", people: dict[str, str]) -> "DataFrame":
    """People's labels in place of the model's, without confidence and model_id; and the source."""
    from pyspark.sql import functions as F

    if not people:
        return labeled.withColumn("source", F.lit(STUDENT))
    given = labeled.sparkSession.createDataFrame(
        pa.table({"person_key": list(people), "person_label": list(people.values())})
    )
    key = F.when(F.col("clean_text") != "", F.col("clean_text")).otherwise(F.col("text"))
    joined = labeled.join(F.broadcast(given), key == F.col("person_key"), "left")
    by_person = F.col("person_label").isNotNull()
    return joined.withColumns(
        {
            "label": F.coalesce("person_label", "label"),
            "confidence": F.when(~by_person, F.col("confidence")),
            "abstained": ~by_person & F.col("abstained"),
            "model_id": F.when(~by_person, F.col("model_id")),
            "source": F.when(by_person, F.lit(PERSON)).otherwise(F.lit(STUDENT)),
        }
    ).drop("person_key", "person_label")


def _figures(written: "DataFrame") -> dict[str, object]:
    """Rows by label, by model and by source; of the labels, those that people gave."""
    from pyspark.sql import functions as F

    groups = written.groupBy("label", "model_id", "source").agg(F.count("*").alias("rows"))
    labels, models, sources, people = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for label, model_id, source, rows in groups.collect():
        sources[source] += rows
        if label is not None:
            labels[label] += rows
        if model_id is not None:
            models[model_id] += rows
        if source == PERSON:
            people[label] += rows
    return {
        "rows": sources.total(),
        "labels": dict(sorted(labels.items())),
        "abstained": sources.total() - labels.total(),
        "models": dict(sorted(models.items())),
        "sources": dict(sorted(sources.items())),
        "labels_of_people": dict(sorted(people.items())),
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
