"""MLflow follows the model's life: a real server, killed in between, and the SQLite default."""

import json
import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.config.tracking import TrackingSettings
from common.errors import DataError, RefusedError
from common.models.deployment import roll_back
from common.models.model_source import fetch_served
from common.models.registry import POINTER, production_id, verified_files
from common.tracking.client import TrackingError, mlflow_client
from common.tracking.local import DATABASE
from common.tracking.records import RunRecord, spool, spooled
from d_training import run
from d_training.tracking.sync import sync, synced
from tests.clock import scaled
from tests.d_training.conftest import Two
from tests.d_training.mlflow_server import Server

ROOT = Path(__file__).resolve().parents[3]
# MLflow's own use of SQLAlchemy 2.1, where the store is a file.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


@pytest.fixture(scope="module")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store; to make its tables takes seconds."""
    settings = Settings(run_dir=tmp_path_factory.mktemp("store"))
    with mlflow_client(settings) as client:
        client.search_experiments()
    return settings.paths.tracking / DATABASE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, new_store: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mlflow"))
    shutil.copy(new_store, server.database)
    server.start()
    yield server
    server.kill()


@pytest.fixture()
def store(two: Two, new_store: Path) -> None:
    """A run folder with an empty store."""
    shutil.copy(new_store, two.good.paths.tracking / DATABASE)


def tracked(settings: Settings, pipeline: str, **tracking: Any) -> Settings:
    chosen = TrackingSettings(pipeline=pipeline, timeout_s=2, **tracking)
    return settings.model_copy(update={"tracking": chosen})


class Seen:
    """What MLflow holds of one registered model."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client, self.name = client, name
        found = client.get_experiment_by_name(name)
        self.runs = client.search_runs([found.experiment_id]) if found else []

    def stages(self) -> list[str]:
        return sorted(run.info.run_name for run in self.runs)

    def run(self, name: str) -> Any:
        (found,) = [run for run in self.runs if run.info.run_name == name]
        return found

    def aliases(self) -> dict[str, str]:
        """Alias to experiment id."""
        aliases = self.client.get_registered_model(self.name).aliases
        return {
            alias: self.client.get_model_version(self.name, version).tags["model_id"]
            for alias, version in aliases.items()
        }

    def artifacts(self, run_id: str, folder: str | None = None) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run_id, folder)}


def seen(settings: Settings) -> Seen:
    with mlflow_client(settings) as client:
        return Seen(client, settings.tracking.name)


def test_promote_refuse_force_and_rollback_are_seen_by_a_server(
    two: Two, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    of = {"uri": server.uri, "name": "life"}
    good, poor = (tracked(settings, "run-1", **of) for settings in (two.good, two.poor))
    with synced(good):
        run(good)
    assert seen(good).aliases() == {"candidate": two.poor_id, "production": two.good_id}

    with pytest.raises(RefusedError), synced(poor):
        run(poor)
    found = seen(poor)
    assert found.aliases() == {"candidate": two.poor_id, "production": two.good_id}
    refused = found.run("refuse")
    assert refused.data.tags["from"] == two.good_id
    assert refused.data.tags["reasons"].startswith("chance of losing over 0.02 macro-F1 is ")
    assert refused.data.metrics["difference"] < 0
    assert found.artifacts(refused.info.run_id) == {"verdict.json"}
    mine = f"name = 'life' and tags.model_id = '{two.poor_id}'"
    (version,) = found.client.search_model_versions(mine)
    assert version.tags["gate"] == "refuse"
    assert version.run_id == refused.data.tags["mlflow.parentRunId"]

    with synced(poor):
        run(poor, force=True)
    assert seen(poor).aliases()["production"] == two.poor_id
    with synced(poor):
        roll_back(two.models, by="ada")
    found = seen(poor)
    assert found.aliases()["production"] == two.good_id
    assert found.run("rollback").data.tags["by"] == "ada"
    assert spooled(poor) == []
    assert "tracking: runs 0, deployments 1, now in MLflow at" in caplog.text


def test_a_trained_model_is_a_run_and_a_version_with_its_files(two: Two, server: Server) -> None:
    good = tracked(two.good, "run-2", uri=server.uri, name="files")
    sync(good)
    found = seen(good)
    assert len([name for name in found.stages() if name == "d_training"]) == 2
    (version,) = found.client.search_model_versions(
        f"name = 'files' and tags.model_id = '{two.good_id}'"
    )
    run_id = version.run_id
    trained = found.client.get_run(run_id)
    assert trained.info.status == "FINISHED"
    assert trained.data.params["training.learning_rate"] == "0.002"
    assert trained.data.metrics["rows.in"] == 480
    assert 0.5 < trained.data.metrics["macro_f1_held_out"] <= 1
    assert {"input.labeled", "data.labeled", "output"} <= set(trained.data.tags)
    assert trained.data.tags["input.labeled"] == trained.data.tags["data.labeled"]
    curve = found.client.get_metric_history(run_id, "validation_loss")
    facts = json.loads((two.models / two.good_id / "metrics.json").read_bytes())
    assert [look.step for look in curve] == [c["texts"] for c in facts["training"]["curve"]]
    assert curve[-1].value < curve[0].value
    assert found.artifacts(run_id) == {"manifest.json", "model", "plots"}
    files = found.artifacts(run_id, "model")
    assert {"model/manifest.json", "model/model.int8.onnx", "model/checkpoint"} <= files
    folder = fetch_served(
        good.model_copy(update={"serving": ServingSettings(model_source="registry")})
    )
    verified_files(folder, two.good_id, ("model.int8.onnx", "tokenizer.json"))
    assert version.tags["data.labeled"] == trained.data.tags["data.labeled"]
    assert version.description == (two.models / "cards" / two.good_id / "model_card.md").read_text()


def test_a_server_that_was_killed_in_between_hears_of_all_later_and_once(
    two: Two, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    of = {"uri": server.uri, "name": "killed"}
    good, poor = (tracked(settings, "run-3", **of) for settings in (two.good, two.poor))
    sync(good)
    server.kill()
    try:
        started = time.monotonic()
        with pytest.raises(RefusedError), synced(poor):
            run(poor)
        spool(poor, RunRecord(
            stage="evaluation", pipeline="run-3", profile="sample", document="e.json", content={},
            figures={"student": {"macro_f1": 0.5}},
        ))  # fmt: skip
        with synced(poor):
            run(poor, force=True)
        with synced(poor):
            roll_back(two.models, by="ada")
        # Three runs of the gate; a look costs nothing.
        assert time.monotonic() - started < scaled(20)
        assert production_id(two.models) == two.good_id
        assert caplog.text.count("does not answer") == 1
        assert "`python -m d_training sync` uploads it" in caplog.text
        with pytest.raises(TrackingError, match="does not answer"):
            sync(poor)
    finally:
        server.start()
    sync(poor)
    expected = ["d_training", "d_training", "evaluation", "force", "promote", "refuse", "rollback"]
    found = seen(poor)
    assert [name for name in found.stages() if not name.startswith("run-")] == expected
    assert found.aliases()["production"] == two.good_id
    assert found.run("evaluation").data.metrics == {"student.macro_f1": 0.5}
    assert found.run("evaluation").data.tags["mlflow.parentRunId"] == found.run("run-3").info.run_id


def test_what_a_kill_cut_short_is_completed_and_not_doubled(two: Two) -> None:
    good = tracked(two.good, "run-4")
    waiting = [(path, path.read_bytes()) for path in spooled(good)]
    sync(good)
    before = seen(good)
    for path, content in waiting:
        path.write_bytes(content)
    (good.paths.tracking / "deployments.done").unlink()
    sync(good)
    after = seen(good)
    assert after.stages() == before.stages()
    assert len(after.client.search_model_versions("name = 'message-triage'")) == 2
    assert after.aliases() == before.aliases()


def test_a_server_that_never_answers_costs_seconds(two: Two) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://ada:hidden@127.0.0.1:{silent.getsockname()[1]}"
        settings = tracked(two.good, "run-5", uri=uri)
        started = time.monotonic()
        with pytest.raises(TrackingError) as raised:
            sync(settings)
        assert time.monotonic() - started < scaled(15)
    assert "hidden" not in str(raised.value)


def test_a_model_from_before_tracking_is_registered_when_it_is_deployed(
    two: Two, store: None
) -> None:
    good = tracked(two.good, "run-6")
    shutil.rmtree(good.paths.tracking / "spool")
    sync(good)
    assert seen(good).aliases() == {"candidate": two.good_id, "production": two.good_id}


def test_an_unchanged_command_imports_no_mlflow(two: Two, store: None) -> None:
    good = tracked(two.good, "run-7")
    sync(good)
    code = f"""
import sys
from d_training.tracking.sync import synced
from common.config.schema import Settings
from tests.clock import scaled
with synced(Settings(run_dir={str(good.run_dir)!r})):
    pass
print("mlflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_tracking_can_be_off(two: Two) -> None:
    shutil.rmtree(two.good.paths.tracking)
    off = tracked(two.poor, "run-8", enabled=False)
    with pytest.raises(RefusedError), synced(off):
        run(off)
    assert not off.paths.tracking.exists()


def test_the_registry_is_a_source_of_what_serves(two: Two, store: None) -> None:
    good = tracked(two.good, "run-9")
    sync(good)
    serving = good.model_copy(update={"serving": ServingSettings(model_source="registry")})
    folder = fetch_served(serving)
    assert folder == good.run_dir / ".cache" / "registry"
    assert production_id(folder) == two.good_id
    served = verified_files(folder, two.good_id, ("model.int8.onnx", "tokenizer.json"))
    assert not (served / "checkpoint").exists()

    (served / "model.int8.onnx").write_bytes(b"changed")
    fetch_served(serving)
    verified_files(folder, two.good_id, ("model.int8.onnx",))

    away = serving.model_copy(
        update={"tracking": TrackingSettings(uri="http://127.0.0.1:9", timeout_s=1)}
    )
    assert production_id(fetch_served(away)) == two.good_id
    shutil.rmtree(folder)
    with pytest.raises(TrackingError, match="http://127.0.0.1:9 does not answer"):
        fetch_served(away)


def test_files_that_were_changed_in_the_registry_are_refused(two: Two, store: None) -> None:
    good = tracked(two.good, "run-10")
    sync(good)
    stored = (good.paths.tracking / "artifacts").glob("*/artifacts/model/model.int8.onnx")
    for path in stored:
        path.write_bytes(b"changed")
    serving = good.model_copy(update={"serving": ServingSettings(model_source="registry")})
    with pytest.raises(DataError, match="differs from its manifest"):
        fetch_served(serving)
    assert not (serving.served_models / POINTER).exists()
