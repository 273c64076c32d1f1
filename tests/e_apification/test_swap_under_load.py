"""Real server processes with traffic running: no request is lost, no answer mixes two models."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from common import deployment
from common.settings import ROOT
from tests.e_apification.learning import ENTRY, WITH_KEY

OLD, NEW = "0123456789ab", "ba9876543210"
CONFIDENCE = {OLD: 0.691438, NEW: 0.514209}  # softmax of (3, 0, 0) / 2 and / 4
MakeModels = Callable[..., Path]


@pytest.fixture
def models(make_models: MakeModels, tmp_path: Path) -> Path:
    shutil.copytree(make_models(), tmp_path / "models")
    other = make_models(version=NEW, temperature=4.0, abstain_threshold=0.0)
    shutil.copytree(other / NEW, tmp_path / "models" / NEW)
    return tmp_path / "models"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(models: Path, *settings: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [sys.executable, "-m", "e_apification"]
    given = [f"run_dir={models.parent}", f"serving.port={port}", "serving.workers=1"]
    for item in (*given, f"serving.api_keys={ENTRY}", "serving.follow_s=0.1", *settings):
        command += ["--set", item]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if call(port, "GET", "/ready")[0] == 200:
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        yield process, port
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.wait(10)


def call(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = WITH_KEY | {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class Traffic:
    """Threads that ask for batches, one after another, and keep what was wrong."""

    def __init__(self, port: int, *, threads: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        self.wrong: list[object] = []
        self.seen: dict[str, int] = {OLD: 0, NEW: 0}

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        body = json.dumps({"texts": ["refund"] * 20})  # several slices
        headers = {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._over.is_set():
            try:
                connection.request("POST", "/batch_predict", body, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
                assert response.status == 200, answer
                found = {
                    (p["model_version"], round(p["confidence"], 4)) for p in answer["predictions"]
                }
                ((version, confidence),) = found
                assert abs(CONFIDENCE[version] - confidence) < 1e-4
                self.seen[version] += 1
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                self.wrong.append(repr(error))
        connection.close()


@pytest.mark.slow
def test_a_hundred_swaps_lose_no_request_and_mix_no_models(models: Path) -> None:
    with server(models) as (process, port):
        assert call(port, "POST", f"/deploy/{NEW}?force=true")[0] == 200
        before = psutil.Process(process.pid).memory_info().rss
        with Traffic(port, threads=3) as traffic:
            for swap in range(100):
                target = OLD if swap % 2 == 0 else NEW
                status, answer = call(port, "POST", f"/rollback?to={target}")
                assert (status, answer["model_version"]) == (200, target)
                time.sleep(0.01)
        grown = psutil.Process(process.pid).memory_info().rss - before
    assert traffic.wrong == []
    assert min(traffic.seen.values()) > 20
    assert grown < 60_000_000  # models that were replaced are let go


@pytest.mark.slow
def test_all_processes_follow_and_a_dead_one_is_replaced(models: Path) -> None:
    with server(models, "serving.processes=2") as (process, port):

        def children() -> list[psutil.Process]:
            found = psutil.Process(process.pid).children()
            return [c for c in found if "resource_tracker" not in " ".join(c.cmdline())]

        deadline = time.monotonic() + 60
        while len(children()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(3)  # the second one loads
        with Traffic(port, threads=3) as traffic:
            for move in range(6):
                if move % 2 == 0:
                    assert call(port, "POST", f"/deploy/{NEW}?force=true")[0] == 200
                else:
                    deployment.roll_back(models, by="tests")
                time.sleep(0.3)
        assert traffic.wrong == []
        assert min(traffic.seen.values()) > 5
        settle(port, OLD)

        dead = children()[0]
        dead.kill()
        deadline = time.monotonic() + 60
        while dead in (alive := children()) or len(alive) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        settle(port, OLD)
        last = children()
    assert process.returncode == 0
    assert not any(child.is_running() for child in last)


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(models: Path) -> None:
    with server(models, "serving.processes=2") as (process, _):
        children = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert alive == []


def settle(port: int, version: str) -> None:
    """Fresh connections, which any process may take, are all answered by this model."""
    deadline = time.monotonic() + 20
    while any(call(port, "GET", "/ready")[1].get("model_version") != version for _ in range(20)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
