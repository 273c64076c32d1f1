"""A small curated folder, a labels file in the toy vocabulary, and settings that use both."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.classification import ClassificationSettings, EmbeddingSettings
from common.config.schema import Settings
from common.config.spark import SparkSettings
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage

LABELS = """
catch_all: rest
labels:
  - name: parcel
    description: the parcel is late
    hypotheses: [the parcel is late .]
    examples: [my parcel not arrived, parcel late, order not arrived yet, the parcel was wrong]
  - name: bill
    description: the bill is wrong
    hypotheses: [the bill was charged twice .]
    examples: [charged twice, refund the bill please, i was charged wrong, bill and refund]
  - name: rest
    description: thanks
    hypotheses: [thanks to you .]
    examples: [thanks, thanks user, you and i, help please]
"""


@pytest.fixture()
def labels_file(tmp_path: Path) -> Path:
    path = tmp_path / "labels.yaml"
    path.write_text(LABELS, encoding="utf-8")
    return path


@pytest.fixture()
def write_curated(tmp_path: Path) -> Callable[..., None]:
    """Publishes data/curated below ``tmp_path`` with the given texts as messages 1, 2, 3 …, and
    with the given figures."""

    def write(texts: Sequence[str | None], **figures: Any) -> None:
        ids = pa.array(range(1, len(texts) + 1), pa.int64())
        table = pa.table(
            {
                "tweet_id": ids,
                "conversation_id": ids,
                "text": pa.array(texts, pa.string()),
                "lang": pa.array(["en"] * len(texts), pa.string()),
            }
        )

        def build(folder: Path) -> Built:
            (folder / "messages").mkdir()
            pq.write_table(table, folder / "messages" / "part-0.parquet")
            return Built(RowCounts.model_validate({"in": len(texts), "out": len(texts)}), figures)

        plan = plan_stage("b_transformation", code=(), settings=list(texts), inputs=[])
        run_stage(plan, output=tmp_path / "data" / "curated", build=build)

    return write


@pytest.fixture()
def settings(tmp_path: Path, tiny_checkpoint: Path, labels_file: Path) -> Settings:
    return Settings(
        run_dir=tmp_path,
        labels=labels_file,
        spark=SparkSettings(master="local[2]", driver_memory="1g", shuffle_partitions=2),
        classification=ClassificationSettings(
            shard_rows=3,
            embedding=EmbeddingSettings(checkpoint=str(tiny_checkpoint), tune_steps=0),
        ),
    )
