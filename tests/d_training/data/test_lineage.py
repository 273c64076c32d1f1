from pathlib import Path
from typing import Any

from common.config.paths import Paths
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from d_training.data.lineage import data_manifests


def publish(stage: Any, output: Any, *, inputs: Any = (), content: str = "rows") -> None:
    def build(folder: Path) -> Built:
        (folder / "part.parquet").write_text(content, encoding="utf-8")
        return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage(stage, code=(), settings=content, inputs=list(inputs))
    run_stage(plan, output=output, build=build)


def test_stages_count_as_far_back_as_each_was_made_from_the_one_before(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert data_manifests(paths) == {}
    publish("a_ingestion", paths.raw)
    publish("b_transformation", paths.curated, inputs=[paths.raw])
    publish("c_classification", paths.labeled, inputs=[paths.curated])
    assert list(data_manifests(paths)) == ["c_classification", "b_transformation", "a_ingestion"]
    publish("a_ingestion", paths.raw, content="other rows")
    assert list(data_manifests(paths)) == ["c_classification", "b_transformation"]
    publish("b_transformation", paths.curated, inputs=[paths.raw], content="other rows")
    # data/labeled was made from what data/curated held before.
    assert list(data_manifests(paths)) == ["c_classification"]
