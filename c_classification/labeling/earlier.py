"""Labels that the same teacher gave in the last run: a text that comes again keeps them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from c_classification.teacher.member import Scores
from c_classification.teacher.teacher import teacher_files
from common.config.classification import ClassificationSettings
from common.labels import LabelSchema
from common.onnx.device import Device
from common.stage.manifest import find_manifest
from common.stage.plan import plan_stage


def teacher_key(
    settings: ClassificationSettings, schema: LabelSchema, *, device: Device, cache: Path
) -> str:
    """Digest of all that decides the label of a text, whatever other texts there are."""
    chosen = settings.model_dump(mode="json", exclude={"budget", "shard_rows", "synthetic"})
    return plan_stage(
        "teacher",
        code=["c_classification.teacher.teacher"],
        settings={"classification": chosen, "device": device, "labels": schema.sha256},
        inputs=teacher_files(settings, cache=cache),
    ).key


def earlier_labels(labeled: Path, key: str) -> Path | None:
    """The published messages, if the teacher of that key labeled them."""
    manifest = find_manifest(labeled)
    same = manifest is not None and manifest.figures.get("teacher_key") == key
    return labeled.resolve() / "messages" if same else None


def earlier_scores(messages: Path, texts: Sequence[str]) -> dict[str, Scores]:
    """(K,) of each of ``texts`` that labeled ``messages`` hold."""
    wanted = pc.field("text").isin(pa.array(set(texts), pa.string()))
    found = ds.dataset(messages, format="parquet").to_table(["text", "scores"], filter=wanted)
    scores = np.array(found["scores"].to_pylist(), np.float32)
    return dict(zip(found["text"].to_pylist(), scores, strict=True))
