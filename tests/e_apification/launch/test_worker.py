"""run_api starts a worker where /retrain can be asked for, and stop_api stops it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.config.schema import Settings
from common.config.settings import ROOT
from common.config.store import StoreSettings
from common.config.tracking import TrackingSettings
from common.store.engine import open_store
from common.store.jobs import find_job, queue_job, worker_alive
from e_apification.launch.__main__ import WORKER, _stop, follow_with_worker
from e_apification.launch.running import Kind
from tests.clock import scaled
from tests.e_apification.learning import ENTRY, serving


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(
        run_dir=tmp_path,
        serving=serving(),
        store=StoreSettings(poll_s=0.05),
        tracking=TrackingSettings(enabled=False),
    )
    settings.paths.cache.mkdir()
    yield settings
    _stop(settings, WORKER)


def pid_of(run_dir: Path) -> int:
    return int(json.loads((run_dir / ".cache" / "worker.json").read_text())["pid"])


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + scaled(30)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def follow(settings: Settings) -> None:
    """In a process that ends while the worker goes on, as launch does."""
    code = (
        "import sys; from common.config.schema import Settings;"
        "from e_apification.launch.__main__ import follow_with_worker;"
        "follow_with_worker(Settings.model_validate_json(sys.argv[1]), served_by='process')"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, settings.model_dump_json()]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


@pytest.mark.slow
def test_the_worker_takes_jobs_is_left_alone_and_stopped(settings: Settings) -> None:
    follow(settings)
    first = pid_of(settings.run_dir)
    store = open_store(settings)
    job = queue_job(store, by="ada")

    def ended() -> bool:
        found = find_job(store, job.id)
        return found is not None and found.state == "failed"  # there are no labels to train on

    wait_for(ended)
    follow(settings)
    assert pid_of(settings.run_dir) == first
    changed = settings.model_copy(update={"seed": 18})
    follow(changed)
    assert not psutil.pid_exists(first)
    second = pid_of(settings.run_dir)
    wait_for(lambda: worker_alive(store))
    _stop(changed, WORKER)
    assert not psutil.pid_exists(second)
    assert not worker_alive(store)
    store.dispose()


@pytest.mark.parametrize(
    ("keys", "served_by"), [((), "process"), ((ENTRY,), "docker"), ((ENTRY,), "podman")]
)
def test_no_worker_where_no_job_can_reach_it(
    settings: Settings, keys: tuple[str, ...], served_by: Kind
) -> None:
    own = settings.serving.model_copy(update={"api_keys": keys})
    follow_with_worker(settings.model_copy(update={"serving": own}), served_by=served_by)
    assert not (settings.run_dir / ".cache" / "worker.json").exists()


@pytest.mark.slow
def test_run_api_and_stop_api_see_to_the_worker(models_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(models_dir, tmp_path / "models")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "e_apification.launch"]
    options = []
    for item in (f"run_dir={tmp_path}", f"serving.port={port}", "serving.engine=venv"):
        options += ["--set", item]
    environment = os.environ | {"TRIAGE_SERVING__API_KEYS": ENTRY}
    try:
        subprocess.run(
            [*command, "start", *options], cwd=ROOT, env=environment, check=True,
            capture_output=True, timeout=120,
        )  # fmt: skip
        pid = pid_of(tmp_path)
        assert psutil.pid_exists(pid)
    finally:
        subprocess.run(
            [*command, "stop", *options], cwd=ROOT, env=environment, check=True,
            capture_output=True, timeout=120,
        )  # fmt: skip
    assert not psutil.pid_exists(pid)
    assert not (tmp_path / ".cache" / "worker.json").exists()
