"""The stage: curated messages in, the same messages with soft labels out, each exactly once.

Synthetic messages of the labels file get soft labels beside them, for training.
Of more texts than ``classification.budget``, those that budget.py draws are labeled; the student
labels the others later. Texts that the same teacher labeled in the last run keep its labels.
"""

import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c_classification.labeling.budget import draw_texts
from c_classification.labeling.earlier import earlier_labels, teacher_key
from c_classification.labeling.shards import SHARD_DDL, SHARD_SCHEMA, engine, label_texts
from c_classification.labeling.synthetic import label_synthetic
from c_classification.teacher.describe import describe_teacher
from c_classification.teacher.teacher import (
    TeacherSpec,
    member_weights,
    prepare_teacher,
    teacher_files,
)
from common.config.schema import Settings
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.onnx.device import choose_device
from common.runtime.child import in_child
from common.runtime.spark import column, read_parquet, spark_session, write_parquet
from common.stage.manifest import Manifest, RowCounts, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tables.columns.roles import OURS
from common.tracking.records import Tracker

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CODE = ("c_classification.stage",)  # what decides the output, with all that these import
logger = logging.getLogger(__name__)


def label_messages(settings: Settings) -> Manifest:
    """Label data/curated/messages into data/labeled/messages."""
    schema = load_labels(settings.labels)
    place = choose_device(settings.device)
    classification = settings.classification.on(place.device)
    curated = require_manifest(settings.paths.curated, made_by="data_transformation")
    plan = plan_stage(
        "c_classification",
        code=CODE,
        settings={
            "classification": classification.model_dump(mode="json"),
            "device": place.device,
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[
            settings.paths.curated,
            *teacher_files(classification, cache=settings.paths.cache),
            *schema.synthetic_files,
        ],
    )
    key = teacher_key(classification, schema, device=place.device, cache=settings.paths.cache)
    earlier = earlier_labels(settings.paths.labeled, key)

    def build(folder: Path) -> Built:
        logger.info("%s", describe_teacher(classification, place))
        spec = in_child(  # whose export to ONNX takes 2 GB
            prepare_teacher,
            settings.log,
            classification,
            schema,
            cache=settings.paths.cache,
            device=place.device,
        )
        with spark_session(
            engine(settings.spark, place.device),
            app="c_classification",
            shared=settings.run_dir,
        ) as spark:
            messages = read_parquet(spark, settings.paths.curated / "messages")
            built = build_labels(
                messages,
                spec,
                folder,
                seed=settings.seed,
                earlier=earlier,
                most=settings.spark.driver_rows,
            )
            synthetic = {}
            if classification.synthetic:
                synthetic = label_synthetic(spark, spec, folder, earlier=earlier)
        cut_mail = curated.figures.get("cut_mail", False)  # the model's texts are to be cut alike
        figures = {"teacher_key": key, "cut_mail": cut_mail, **synthetic}
        return built._replace(figures=built.figures | figures)

    return run_stage(
        plan,
        output=settings.paths.labeled,
        build=build,
        on_built=Tracker(settings),
        resumable=True,
    )


def build_labels(
    messages: "DataFrame",
    spec: TeacherSpec,
    folder: Path,
    *,
    seed: int,
    earlier: Path | None = None,
    most: int | None = None,
) -> Built:
    """Label ``messages`` into ``folder``/messages and count what became of each row.

    Args:
        messages: columns of data/curated/messages.
        spec: from ``prepare_teacher``.
        folder: an existing folder.
        seed: of the draw, where there are more texts than the budget.
        earlier: messages that this very teacher has labeled; their texts keep the labels.
        most: distinct texts of which the driver may choose; of more, Spark does.

    Raises:
        DataError: if there is no message to label.
    """
    from pyspark.sql import functions as F

    started = time.monotonic()
    taken = messages.count()
    readable = messages.where(F.col("text").isNotNull())
    with_text, all_texts = readable.count(), readable.select("text").distinct().count()
    budget, chosen = spec.settings.budget, readable
    if budget is not None and budget < all_texts:
        by_spark = most is not None and all_texts > most
        chosen = draw_texts(readable, budget=budget, seed=seed, by_spark=by_spark)
    kept = chosen.count()

    shards = folder / "shards"
    if not kept:
        raise DataError("there is no message to label; check what data_transformation left")
    texts, parts = chosen.select("text").distinct(), [shards]
    distinct, unlabeled = texts.count(), texts
    if earlier is not None:
        parts.append(folder / "known")
        known = _keep_labels(texts, earlier, parts[1])
        unlabeled = texts.join(known, on="text", how="left_anti")
    labeled = label_texts(unlabeled, spec, shards)
    seconds = time.monotonic() - started
    written = join_labels(chosen, parts, folder / "messages", spec, texts=distinct)
    figures = {
        "teacher": spec.settings.teacher,
        "members": list(member_weights(spec.settings)),
        "device": spec.device,
        "distinct_texts": distinct,
        "texts_left": all_texts - distinct,
        "texts_labeled_before": distinct - labeled.texts,
        **describe_labels(written, spec.schema),
        "shards": labeled.shards,
        "shards_resumed": labeled.resumed,
        "workers": labeled.workers,
        "model_loads": labeled.loads,
        "labeling_seconds": round(seconds, 1),
    }
    dropped = {"no text": taken - with_text, "left to the student": with_text - kept}
    rows = {"in": taken, "out": written.count(), "dropped": {k: n for k, n in dropped.items() if n}}
    for part in parts:  # last, so that a kill before this line costs no labeling
        shutil.rmtree(part)
    return Built(RowCounts.model_validate(rows), figures)


def join_labels(
    messages: "DataFrame", parts: Sequence[Path], target: Path, spec: TeacherSpec, *, texts: int
) -> "DataFrame":
    """Give each message the label of its text, write that to ``target`` and return it as read.

    A message keeps its id, and the columns that are carried along from the source.

    Raises:
        DataError: if ``parts`` don't hold just as many labeled ``texts`` as there should be.
    """
    from pyspark.sql import functions as F

    labels = read_parquet(messages.sparkSession, *parts, schema=SHARD_DDL)
    if labels.count() != texts:
        raise DataError(
            f"{parts[0]} holds {labels.count()} texts, not {texts}; remove it, run again"
        )
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


def _keep_labels(texts: "DataFrame", earlier: Path, folder: Path) -> "DataFrame":
    """Write the labels that ``earlier`` has of ``texts`` into ``folder``; return these texts."""
    labels = read_parquet(texts.sparkSession, earlier).select(*SHARD_SCHEMA.names)
    known = labels.dropDuplicates(["text"]).join(texts, on="text", how="left_semi")
    write_parquet(known, folder)
    return read_parquet(texts.sparkSession, folder).select("text")


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
