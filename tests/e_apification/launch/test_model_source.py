"""run_api with serving.model_source=registry: what the alias names is fetched, checked, served."""

import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from common.config.schema import Settings
from common.config.settings import ROOT
from common.stage.files import sha256_of
from common.tracking.client import experiment_id, mlflow_client

FIRST, SECOND = "0123456789ab", "ba9876543210"
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def register(client: MlflowClient, settings: Settings, folder: Path) -> None:
    run = client.create_run(experiment_id(client, settings)).info.run_id
    client.log_artifacts(run, str(folder), "model")
    tags = {"model_id": folder.name, "manifest_sha256": sha256_of(folder / "manifest.json")}
    version = client.create_model_version("message-triage", f"runs:/{run}/model", run, tags)
    client.set_registered_model_alias("message-triage", "production", version.version)


def launch(action: str, run_dir: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "e_apification.launch", action]
    for item in (f"run_dir={run_dir}", "serving.engine=venv", f"serving.port={port}"):
        command += ["--set", item]
    command += ["--set", "serving.model_source=registry"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def served(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
        body: bytes = response.read()
    return body


def test_the_alias_decides_what_run_api_serves(
    tmp_path: Path, make_models: Callable[..., Path]
) -> None:
    settings = Settings(run_dir=tmp_path)
    first, second = (make_models(model_id=model_id) / model_id for model_id in (FIRST, SECOND))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with mlflow_client(settings) as client:
        client.create_registered_model("message-triage")
        register(client, settings, first)
    try:
        started = launch("start", tmp_path, port)
        assert started.returncode == 0, started.stderr
        assert FIRST.encode() in served(port)
        with mlflow_client(settings) as client:
            register(client, settings, second)
        assert launch("start", tmp_path, port).returncode == 0
        assert SECOND.encode() in served(port)
        assert not (tmp_path / "models").exists()

        shutil.rmtree(tmp_path / "mlruns")
        again = launch("start", tmp_path, port)
        assert again.returncode == 0, again.stderr
        assert f"model {SECOND} serves, which was fetched before" in again.stderr
    finally:
        launch("stop", tmp_path, port)
