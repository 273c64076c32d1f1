"""What is kept for MLflow, and where MLflow is; the upload is tested with stage d."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.config.settings import describe, load_settings
from common.config.tracking import TrackingSettings
from common.errors import DataError
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.tracking.client import shown, tracking_uri
from common.tracking.records import Tracker, read_record, spooled


def stage(
    settings: Settings, name: str, *, reads: list[Path], output: Path, limit: int = 3
) -> None:
    def build(folder: Path) -> Built:
        (folder / "rows.txt").write_text("rows", encoding="utf-8")
        return Built(RowCounts(taken=3, out=2, dropped={"empty": 1}), {"share": 0.5})

    plan = plan_stage(name, code=(), settings={"limit": {"rows": limit}}, inputs=reads)
    run_stage(plan, output=output, build=build, on_built=Tracker(settings))


def records(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in spooled(settings)]


def test_a_stage_leaves_one_record_and_none_where_it_had_nothing_to_do(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path, tracking=TrackingSettings(pipeline="run-1"))
    paths = settings.paths
    for _ in range(2):
        stage(settings, "a_ingestion", reads=[], output=paths.raw)
        stage(settings, "b_transformation", reads=[paths.raw], output=paths.curated)
    first, second = records(settings)
    assert (first["stage"], second["stage"]) == ("a_ingestion", "b_transformation")
    assert (first["pipeline"], first["profile"]) == ("run-1", "sample")
    assert first["settings"] == {"limit": {"rows": 3}}
    assert first["figures"]["rows"] == {"in": 3, "out": 2, "dropped": {"empty": 1}}
    assert first["figures"]["share"] == 0.5
    assert first["content"]["key"] == first["tags"]["key"]
    assert second["tags"]["input.raw"] == first["tags"]["output"] == second["tags"]["data.raw"]


def test_runs_whose_outputs_were_replaced_still_wait_for_a_server_that_was_away(
    tmp_path: Path,
) -> None:
    settings = Settings(run_dir=tmp_path)
    for limit in (3, 4):
        stage(settings, "a_ingestion", reads=[], output=settings.paths.raw, limit=limit)
    assert len(list((tmp_path / "data").glob("raw.*"))) == 1  # of the second run
    assert [record["settings"]["limit"]["rows"] for record in records(settings)] == [3, 4]


def test_the_record_is_there_before_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(run_dir=tmp_path)
    monkeypatch.setattr("common.stage.run._publish", lambda *_, **__: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception, match="killed"):
        stage(settings, "a_ingestion", reads=[], output=settings.paths.raw)
    assert len(spooled(settings)) == 1


def test_nothing_is_kept_where_tracking_is_off(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path, tracking=TrackingSettings(enabled=False))
    stage(settings, "a_ingestion", reads=[], output=settings.paths.raw)
    assert not settings.paths.tracking.exists()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "1-a_ingestion.json"
    path.write_text('{"stage": ', encoding="utf-8")
    with pytest.raises(DataError, match="1-a_ingestion.json is damaged; remove it"):
        read_record(path)


def test_a_command_on_its_own_is_a_run_of_its_own() -> None:
    alone = Settings()
    assert alone.pipeline.startswith("run-2")
    assert alone.pipeline == alone.pipeline
    assert Settings(tracking=TrackingSettings(pipeline="run-1")).pipeline == "run-1"


def test_mlflow_is_a_file_of_the_run_folder_or_what_its_variable_names(tmp_path: Path) -> None:
    assert tracking_uri(Settings(run_dir=tmp_path)) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    loaded = load_settings(environ={"MLFLOW_TRACKING_URI": "http://ada:hidden@ml:5000"})
    assert tracking_uri(loaded.settings) == "http://ada:hidden@ml:5000"
    assert "hidden" not in "".join(describe(loaded))
    ours = {"TRIAGE_TRACKING__URI": "http://ours:1", "MLFLOW_TRACKING_URI": "http://theirs:1"}
    assert tracking_uri(load_settings(environ=ours).settings) == "http://ours:1"


@pytest.mark.parametrize(
    ("uri", "seen"),
    [
        ("http://ada:hidden@ml:5000/x", "http://ml:5000/x"),
        ("postgresql://ada:hidden@db/mlflow", "postgresql://db/mlflow"),
        ("http://ml:5000", "http://ml:5000"),
        ("sqlite:////tmp/a/mlflow.db", "sqlite:////tmp/a/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_its_password(uri: str, seen: str) -> None:
    assert shown(uri) == seen
