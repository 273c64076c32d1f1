"""run_api and stop_api, as a person runs them: commands that end while the server goes on."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from common.config.settings import ROOT
from common.models import deployment
from tests.clock import scaled

MODEL_ID = "0123456789ab"


@pytest.fixture
def run_dir(models_dir: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(models_dir, tmp_path / "models")
    yield tmp_path
    launch(tmp_path, "stop")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(
    run_dir: Path, action: str, *settings: str, engine: str = "venv", **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "e_apification.launch", action]
    for item in (f"run_dir={run_dir}", f"serving.engine={engine}", *settings):
        command += ["--set", item]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")} | environ
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def pid_of(run_dir: Path) -> int:
    return int(json.loads((run_dir / ".cache" / "api.json").read_text())["pid"])


def answers(port: int, model_id: str = MODEL_ID) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
            return bool(json.load(response)["model_id"] == model_id)
    except OSError:
        return False


def test_start_again_and_stop(run_dir: Path, port: int) -> None:
    first = launch(run_dir, "start", f"serving.port={port}")
    assert first.returncode == 0, first.stderr
    assert answers(port)
    assert f"curl -X POST http://127.0.0.1:{port}/predict" in first.stdout
    assert f"http://127.0.0.1:{port}/\n" in first.stdout
    pid = pid_of(run_dir)

    started = time.monotonic()
    second = launch(run_dir, "start", f"serving.port={port}")
    assert time.monotonic() - started < scaled(10)  # under a second on a quiet machine
    assert second.returncode == 0
    assert "nothing to do" in second.stderr
    assert second.stdout == first.stdout
    assert pid_of(run_dir) == pid

    stopped = launch(run_dir, "stop")
    assert "the API is stopped" in stopped.stderr
    assert not psutil.pid_exists(pid)
    assert not answers(port)
    assert "no API was started" in launch(run_dir, "stop").stderr


def test_other_settings_restart_it_and_another_model_does_not(
    run_dir: Path, port: int, make_models: Callable[..., Path]
) -> None:
    pids = []
    for item in ("serving.max_texts=5", "serving.max_texts=6"):
        assert launch(run_dir, "start", f"serving.port={port}", item).returncode == 0
        pids.append(pid_of(run_dir))
    assert len(set(pids)) == 2
    assert not psutil.pid_exists(pids[0])

    other = make_models(model_id="ba9876543210") / "ba9876543210"
    shutil.copytree(other, run_dir / "models" / "ba9876543210")
    deployment.promote(run_dir / "models", "ba9876543210", by="tests", force=True)
    again = launch(run_dir, "start", f"serving.port={port}", item)
    assert "nothing to do" in again.stderr
    assert pid_of(run_dir) == pids[1]
    assert answers(port, "ba9876543210")


def test_a_server_that_was_killed_is_started_anew(run_dir: Path, port: int) -> None:
    assert launch(run_dir, "start", f"serving.port={port}").returncode == 0
    killed = psutil.Process(pid_of(run_dir))
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    assert launch(run_dir, "start", f"serving.port={port}").returncode == 0
    assert answers(port)


def test_a_port_that_another_program_holds_is_named_and_left_alone(
    run_dir: Path, port: int
) -> None:
    with socket.create_server(("127.0.0.1", port)):
        refused = launch(run_dir, "start", f"serving.port={port}")
        assert refused.returncode == 1
        assert f"port {port} of 127.0.0.1 is not free" in refused.stderr
        assert f"(pid {os.getpid()}) holds it" in refused.stderr
        assert f"PORT={port + 1}" in refused.stderr
    assert not (run_dir / ".cache" / "api.json").exists()


def test_a_taken_port_does_not_stop_what_serves_on_another(run_dir: Path, port: int) -> None:
    assert launch(run_dir, "start", f"serving.port={port}").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert launch(run_dir, "start", f"serving.port={taken}").returncode == 1
    assert answers(port)


def test_a_model_that_cannot_be_served_is_reported_with_its_reason(
    run_dir: Path, port: int
) -> None:
    model = run_dir / "models" / MODEL_ID / "model.int8.onnx"
    model.write_bytes(model.read_bytes() + b"x")
    failed = launch(run_dir, "start", f"serving.port={port}")
    assert failed.returncode == 1
    assert "the API ended as it started" in failed.stderr
    assert "model.int8.onnx differs from its manifest" in failed.stderr
    assert not (run_dir / ".cache" / "api.json").exists()


def test_an_engine_that_cannot_build_is_said_and_the_virtual_environment_serves(
    run_dir: Path, port: int, tmp_path: Path
) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\ntest "$1" = ps\n', encoding="utf-8")
    docker.chmod(0o755)
    path = f"{docker.parent}:{os.environ['PATH']}"
    done = launch(run_dir, "start", f"serving.port={port}", engine="auto", PATH=path)
    assert done.returncode == 0, done.stderr
    assert "docker build failed; its output is in" in done.stderr
    assert "serving from the virtual environment instead" in done.stderr
    assert answers(port)

    refused = launch(run_dir, "start", f"serving.port={port}", engine="docker", PATH=path)
    assert refused.returncode == 1
    assert "docker build failed" in refused.stderr
    assert answers(port)  # what ran serves on


def test_without_a_model_it_says_what_to_run(tmp_path: Path) -> None:
    failed = launch(tmp_path, "start")
    assert failed.returncode == 1
    assert "run `make train_model` first" in failed.stderr
