"""The stage: curated messages in, the same messages with soft labels out, each exactly once."""

import logging
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c_classification.shards import label_texts
from c_classification.teacher import TeacherSpec, prepare_teacher, weights_files
from common.artifacts import Built, Manifest, Rows, plan_stage, require_manifest, run_stage
from common.errors import DataError
from common.labels import load_labels
from common.schema import Settings
from common.spark import spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)


def label_messages(settings: Settings) -> Manifest:
    """Label data/curated/messages into data/labeled/messages."""
    schema = load_labels(settings.labels)
    require_manifest(settings.paths.curated, made_by="data_transformation")
    plan = plan_stage(
        "c_classification",
        packages=("c_classification",),
        settings={
            "classification": settings.classification.model_dump(mode="json"),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.curated, *weights_files(settings.classification)],
    )

    def build(folder: Path) -> Built:
        spec = prepare_teacher(settings.classification, schema, cache=settings.paths.cache)
        with spark_session(settings.spark, app="c_classification") as spark:
            messages = spark.read.parquet(str(settings.paths.curated / "messages"))
            return build_labels(messages, spec, folder, seed=settings.seed)

    return run_stage(plan, output=settings.paths.labeled, build=build, resumable=True)


def build_labels(messages: "DataFrame", spec: TeacherSpec, folder: Path, *, seed: int) -> Built:
    """Label ``messages`` into ``folder``/messages and count what became of each row."""
    from pyspark.sql import functions as F

    started = time.monotonic()
    taken = messages.count()
    readable = messages.where(F.col("text").isNotNull())
    chosen = sample_messages(readable, limit=spec.settings.limit, seed=seed)
    with_text, kept = readable.count(), chosen.count()

    shards = folder / "shards"
    labelled = label_texts(chosen, spec, shards)
    seconds = time.monotonic() - started
    labels = messages.sparkSession.read.parquet(str(shards))
    if labels.count() != labelled.texts:
        raise DataError(f"{shards} holds {labels.count()} texts, not {labelled.texts}; run again")
    (
        chosen.join(labels, on="text", how="inner")
        .withColumn("teacher", F.lit(spec.settings.teacher))
        .select(
            "tweet_id", "conversation_id", "text", "lang",
            "label", "confidence", "scores", "teacher",
        )
        .write.mode("overwrite").parquet(str(folder / "messages"))
    )  # fmt: skip
    shutil.rmtree(shards)

    written = messages.sparkSession.read.parquet(str(folder / "messages"))
    groups = written.groupBy("label").agg(F.count("*").alias("n"), F.sum("confidence").alias("sum"))
    by_label = {row["label"]: row for row in groups.collect()}
    counts = {label: row["n"] for label, row in by_label.items()}
    confidence = sum(row["sum"] for row in by_label.values()) / sum(counts.values())
    figures: dict[str, Any] = {
        "teacher": spec.settings.teacher,
        "distinct_texts": labelled.texts,
        "labels": {name: counts.get(name, 0) for name in spec.schema.names},
        "abstained": counts.get(None, 0),
        "mean_confidence": round(confidence, 4),
        "shards": labelled.shards,
        "shards_resumed": labelled.resumed,
        "workers": labelled.workers,
        "model_loads": labelled.loads,
        "labelling_seconds": round(seconds, 1),
    }
    dropped = {"no text": taken - with_text, "not sampled": with_text - kept}
    return Built(
        Rows.model_validate(
            {
                "in": taken,
                "out": sum(counts.values()),
                "dropped": {reason: n for reason, n in dropped.items() if n},
            }
        ),
        figures,
    )


def sample_messages(messages: "DataFrame", *, limit: int | None, seed: int) -> "DataFrame":
    """All messages, or a seeded random ``limit`` of them; the same ones every time."""
    from pyspark.sql import functions as F

    if limit is None:
        return messages
    chance = F.xxhash64(F.lit(seed), F.col("tweet_id"))
    return messages.orderBy(chance, F.col("tweet_id")).limit(limit)
