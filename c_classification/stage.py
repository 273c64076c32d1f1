"""The stage: curated messages in, the same messages with soft labels out, each exactly once."""

import logging
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c_classification.shards import label_texts
from c_classification.teacher.teacher import (
    TeacherSpec,
    member_weights,
    prepare_teacher,
    teacher_files,
)
from common.config.schema import Settings
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.runtime.spark import column, read_parquet, spark_session, write_parquet
from common.stage.manifest import Manifest, RowCounts, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tables.roles import OURS
from common.tracking.records import Tracker

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CODE = ("c_classification.stage",)  # what decides the output, with all that these import
logger = logging.getLogger(__name__)


def label_messages(settings: Settings) -> Manifest:
    """Label data/curated/messages into data/labeled/messages."""
    schema = load_labels(settings.labels)
    require_manifest(settings.paths.curated, made_by="data_transformation")
    plan = plan_stage(
        "c_classification",
        code=CODE,
        settings={
            "classification": settings.classification.model_dump(mode="json"),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.curated, *teacher_files(settings.classification, schema)],
    )

    def build(folder: Path) -> Built:
        spec = prepare_teacher(settings.classification, schema, cache=settings.paths.cache)
        with spark_session(settings.spark, app="c_classification") as spark:
            messages = read_parquet(spark, settings.paths.curated / "messages")
            return build_labels(messages, spec, folder, seed=settings.seed)

    return run_stage(
        plan,
        output=settings.paths.labeled,
        build=build,
        on_built=Tracker(settings),
        resumable=True,
    )


def build_labels(messages: "DataFrame", spec: TeacherSpec, folder: Path, *, seed: int) -> Built:
    """Label ``messages`` into ``folder``/messages and count what became of each row."""
    from pyspark.sql import functions as F

    started = time.monotonic()
    taken = messages.count()
    readable = messages.where(F.col("text").isNotNull())
    chosen = sample_messages(readable, limit=spec.settings.limit, seed=seed)
    with_text, kept = readable.count(), chosen.count()

    shards = folder / "shards"
    labeled = label_texts(chosen, spec, shards)
    seconds = time.monotonic() - started
    written = join_labels(chosen, shards, folder / "messages", spec, texts=labeled.texts)
    figures = {
        "teacher": spec.settings.teacher,
        "members": list(member_weights(spec.settings)),
        "distinct_texts": labeled.texts,
        **describe_labels(written, spec.schema),
        "shards": labeled.shards,
        "shards_resumed": labeled.resumed,
        "workers": labeled.workers,
        "model_loads": labeled.loads,
        "labeling_seconds": round(seconds, 1),
    }
    dropped = {"no text": taken - with_text, "not sampled": with_text - kept}
    rows = {"in": taken, "out": written.count(), "dropped": {k: n for k, n in dropped.items() if n}}
    shutil.rmtree(shards)  # last, so that a kill before this line costs no labeling
    return Built(RowCounts.model_validate(rows), figures)


def join_labels(
    messages: "DataFrame", shards: Path, target: Path, spec: TeacherSpec, *, texts: int
) -> "DataFrame":
    """Give each message the label of its text, write that to ``target`` and return it as read.

    A message keeps its id, and the columns that are carried along from the source.

    Raises:
        DataError: if ``shards`` doesn't hold just as many labeled ``texts`` as there should be.
    """
    from pyspark.sql import functions as F

    labels = read_parquet(messages.sparkSession, shards)
    if labels.count() != texts:
        raise DataError(f"{shards} holds {labels.count()} texts, not {texts}; remove it, run again")
    labeled = (
        messages.join(labels, on="text", how="inner")
        .withColumn("teacher", F.lit(spec.settings.teacher))
        .select(
            "tweet_id", "conversation_id", "text", "lang",
            "label", "confidence", "scores", "teacher", "votes",
            *(column(name) for name in messages.columns if name == "id" or name not in OURS),
        )
    )  # fmt: skip
    write_parquet(labeled, target)
    return read_parquet(messages.sparkSession, target)


def describe_labels(labeled: "DataFrame", schema: LabelSchema) -> dict[str, Any]:
    """Messages a label, messages without one, and the mean confidence."""
    from pyspark.sql import functions as F

    groups = labeled.groupBy("label").agg(F.count("*").alias("n"), F.sum("confidence").alias("sum"))
    by_label = {row["label"]: row for row in groups.collect()}
    counts = {label: row["n"] for label, row in by_label.items()}
    return {
        "labels": {name: counts.get(name, 0) for name in schema.names},
        "abstained": counts.get(None, 0),
        "mean_confidence": round(
            sum(row["sum"] for row in by_label.values()) / sum(counts.values()), 4
        ),
    }


def sample_messages(messages: "DataFrame", *, limit: int | None, seed: int) -> "DataFrame":
    """All messages, or a seeded random ``limit`` of them; the same ones every time."""
    from pyspark.sql import functions as F

    if limit is None:
        return messages
    chance = F.xxhash64(F.lit(seed), F.col("tweet_id"))
    return messages.orderBy(chance, F.col("tweet_id")).limit(limit)
