"""What the teacher says of the synthetic messages: data/labeled/synthetic, which training reads.

A synthetic message is known by the label that it was invented for. The teacher's scores say beside
it which other labels are near, as they do of a customer's message.
"""

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from c_classification.labeling.earlier import earlier_scores
from c_classification.labeling.shards import SHARD_SCHEMA, label_texts
from c_classification.labeling.shipped_scores import shipped_scores
from c_classification.teacher.teacher import TeacherSpec
from common.synthetic import read_synthetic

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = "synthetic"
logger = logging.getLogger(__name__)


def label_synthetic(
    spark: "SparkSession", spec: TeacherSpec, folder: Path, *, earlier: Path | None = None
) -> dict[str, Any]:
    """Write ``folder``/synthetic (text, label, scores) and return figures of it.

    label: the one that the message was invented for. Nothing is written where the labels file names
    no synthetic messages.

    Args:
        spark: the session.
        spec: from ``prepare_teacher``.
        folder: an existing folder.
        earlier: messages that this very teacher has labeled, as ``earlier_labels`` finds them; the
            synthetic ones beside them keep their scores.

    Raises:
        SettingsError: if the messages can't be used.
    """
    names = spec.schema.names
    messages = read_synthetic(spec.schema)
    if not messages:
        return {}
    texts = [text for text, _ in messages]
    known: dict[str, Any] = dict(shipped_scores(spec, texts))
    if earlier is not None and (scored := earlier.parent / FOLDER).is_dir():
        known |= earlier_scores(scored, texts)
    new = [text for text in texts if text not in known]
    if new:
        logger.info("the teacher reads %s synthetic messages too", f"{len(new):,}")
        shards = folder / "synthetic_shards"
        label_texts(spark.createDataFrame(pa.table({"text": new})), spec, shards)
        labeled = pq.read_table(shards, schema=SHARD_SCHEMA)
        known |= dict(zip(labeled["text"].to_pylist(), labeled["scores"].to_pylist(), strict=True))
        shutil.rmtree(shards)
    scores = np.array([known[text] for text in texts], np.float32)  # (N, K)
    invented_for = np.array([label for _, label in messages])
    table = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "label": pa.array([names[label] for label in invented_for], pa.string()),
            "scores": pa.array(list(scores), pa.list_(pa.float32())),
        }
    )
    (folder / FOLDER).mkdir(exist_ok=True)
    pq.write_table(table, folder / FOLDER / "part-0.parquet")
    agreement = float((scores.argmax(axis=1) == invented_for).mean())
    return {"synthetic_messages": len(messages), "synthetic_agreement": round(agreement, 4)}
