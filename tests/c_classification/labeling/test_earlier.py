"""Labels of the last run: kept by texts that come again, if the same teacher gave them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from c_classification.gold.label_table import label_table
from c_classification.labeling.earlier import earlier_labels, teacher_key
from common.config.schema import Settings
from common.labels import load_labels
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage

KNOWN = "thanks user"
SCORES = [0.125, 0.25, 0.625]  # of no teacher


def key_of(settings: Settings) -> str:
    schema = load_labels(settings.labels)
    cache = settings.paths.cache
    return teacher_key(settings.classification, schema, device="cpu", cache=cache)


def publish_labels(settings: Settings, *, key: str) -> None:
    """data/labeled with one text, as labeled by the teacher of that key."""

    def build(folder: Path) -> Built:
        (folder / "messages").mkdir()
        scores = pa.array([SCORES], pa.list_(pa.float32()))
        table = pa.table({"text": [KNOWN], "scores": scores})
        pq.write_table(table, folder / "messages" / "part-0.parquet")
        return Built(RowCounts(taken=1, out=1), {"teacher_key": key})

    plan = plan_stage("c_classification", code=(), settings=key, inputs=[])
    run_stage(plan, output=settings.paths.labeled, build=build)


def test_a_table_s_texts_keep_the_labels_of_the_last_run(
    settings: Settings, tmp_path: Path
) -> None:
    source, out = tmp_path / "gold.csv", tmp_path / "out.parquet"
    source.write_text(f"text\nmy parcel not arrived\n{KNOWN}\nmy parcel not arrived\n\n{KNOWN}\n")
    publish_labels(settings, key=key_of(settings))
    label_table(settings, source, out)
    rows = pq.read_table(out).to_pylist()
    assert [rows[1]["scores"], rows[-1]["scores"]] == [SCORES, SCORES]
    assert rows[1]["label"] == "rest"
    assert rows[0]["scores"] == rows[2]["scores"] != SCORES
    np.testing.assert_allclose(sum(rows[0]["scores"]), 1, atol=1e-5)


def test_labels_of_another_teacher_are_not_kept(settings: Settings, tmp_path: Path) -> None:
    publish_labels(settings, key="of another")
    assert earlier_labels(settings.paths.labeled, key_of(settings)) is None
    source, out = tmp_path / "gold.csv", tmp_path / "out.parquet"
    source.write_text(f"text\n{KNOWN}\n")
    label_table(settings, source, out)
    assert pq.read_table(out)["scores"].to_pylist() != [SCORES]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"budget": 7}, True),
        ({"shard_rows": 9}, True),
        ({"synthetic": False}, True),
        ({"threshold": 0.9}, False),
    ],
)
def test_how_many_texts_there_are_makes_no_other_teacher(
    settings: Settings, changed: dict[str, float], same: bool
) -> None:
    other = settings.classification.model_copy(update=changed)
    other_key = key_of(settings.model_copy(update={"classification": other}))
    assert (other_key == key_of(settings)) is same
