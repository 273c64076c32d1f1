import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from e_apification.bulk import spark as bulk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL_ID = "0123456789ab"


def test_distinct_cleaned_texts_are_scored_once(
    spark: "SparkSession", models_dir: Path, tmp_path: Path
) -> None:
    # The two links differ, what models read of the texts does not.
    texts = ["refund https://a.example/1", "refund https://a.example/2", "parcel", "refund"]
    texts += ["", "https://a.example/3", "what", "'=refund", "=refund", "parcel " * 20]
    rows = pa.table({"row": pa.array(range(10), pa.int64()), "text": texts})
    pq.write_table(rows, tmp_path / "texts.parquet")
    bulk.score_texts(
        spark,
        tmp_path / "texts.parquet",
        rows=10,
        models=models_dir,
        model_id=MODEL_ID,
        out=tmp_path / "scored",
    )
    scored = pq.read_table(tmp_path / "scored").to_pylist()
    found = sorted((sorted(r["rows"]), r["label"], r["truncated"]) for r in scored)
    assert found == [
        ([0, 1, 3], 0, False),
        ([2], 1, False),
        ([4, 5], bulk.NO_TEXT, False),
        ([6], bulk.ABSTAINED, False),
        ([7, 8], found[4][1], False),
        ([9], 1, True),
    ]


def test_a_python_worker_loads_the_model_once(
    spark: "SparkSession", models_dir: Path, tmp_path: Path
) -> None:
    # A folder of this test alone, as Spark keeps its workers from test to test.
    models = str(shutil.copytree(models_dir, tmp_path / "models"))

    def count_loads(batches: Any) -> Iterator[Any]:
        for _ in batches:
            loader = bulk.predictor_of
            before = loader.cache_info().misses
            loader(models, MODEL_ID)
            loads = loader.cache_info().misses - before
            yield pa.record_batch([[os.getpid()], [loads]], names=["pid", "loads"])

    frame = spark.range(0, 64, 1, numPartitions=16)
    seen = frame.mapInArrow(count_loads, "pid long, loads long").collect()
    assert len(seen) == 16
    loads = Counter[int]()
    for row in seen:
        loads[row.pid] += row.loads
    assert set(loads.values()) == {1}
    assert len(loads) <= 4
