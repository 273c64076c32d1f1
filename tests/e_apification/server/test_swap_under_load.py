"""Real server processes with traffic running: no request is lost, no answer mixes two models."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.models import deployment
from tests.e_apification import servers
from tests.e_apification.learning import ENTRY, WITH_KEY

OLD, NEW = "0123456789ab", "ba9876543210"
CONFIDENCE = {OLD: 0.691438, NEW: 0.514209}  # softmax of (3, 0, 0) / 2 and / 4
MakeModels = Callable[..., Path]


@pytest.fixture
def models(make_models: MakeModels, tmp_path: Path) -> Path:
    shutil.copytree(make_models(), tmp_path / "models")
    other = make_models(model_id=NEW, temperature=4.0, abstain_threshold=0.0)
    shutil.copytree(other / NEW, tmp_path / "models" / NEW)
    return tmp_path / "models"


@contextmanager
def server(models: Path, *settings: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    given = ("serving.workers=1", f"serving.api_keys={ENTRY}", "serving.follow_s=0.1")
    with servers.server(models.parent, *given, *settings) as (process, port):
        yield process, port
        process.send_signal(signal.SIGTERM)
        process.wait(30)


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
                found = {(p["model_id"], round(p["confidence"], 4)) for p in answer["predictions"]}
                ((model_id, confidence),) = found
                assert abs(CONFIDENCE[model_id] - confidence) < 1e-4
                self.seen[model_id] += 1
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
                assert (status, answer["model_id"]) == (200, target)
                time.sleep(0.01)
        grown = psutil.Process(process.pid).memory_info().rss - before
    assert traffic.wrong == []
    assert min(traffic.seen.values()) > 20
    assert grown < 60_000_000  # models that were replaced are let go


@pytest.mark.slow
def test_all_processes_follow_and_a_dead_one_is_replaced(models: Path) -> None:
    with server(models, "serving.processes=2") as (process, port):
        until(lambda: serving(port)[OLD] == 2)
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

        assert serving(port) == {OLD: 2, NEW: 0}

        dead = children(process)[0]
        dead.kill()
        until(lambda: dead not in (alive := children(process)) and len(alive) == 2)
        until(lambda: serving(port)[OLD] == 2)
        last = children(process)
    assert process.returncode == 0
    assert not any(child.is_running() for child in last)


@pytest.mark.slow
def test_several_processes_are_counted_as_one(models: Path) -> None:
    labeled = f'triage_predictions_total{{label="billing",model_id="{OLD}"}}'
    with server(models, "serving.processes=2") as (process, port):
        until(lambda: serving(port)[OLD] == 2)
        for asked in range(1, 31):  # each on a connection of its own, so that both are asked
            assert call(port, "POST", "/predict", {"text": "refund"})[0] == 200
            assert figures(port)[labeled] == asked
        children(process)[0].kill()
        until(lambda: serving(port)[OLD] == 2)
        assert call(port, "POST", "/predict", {"text": "refund"})[0] == 200
        after = figures(port)
    assert after[labeled] == 31
    assert after["triage_pending_texts"] == 0


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(models: Path) -> None:
    with server(models, "serving.processes=2") as (process, _):
        counts = Path(children(process)[0].environ()["PROMETHEUS_MULTIPROC_DIR"])
        assert counts.is_dir()
        others = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(others, timeout=20)
        assert alive == []
        assert not counts.exists()


def settle(port: int, model_id: str) -> None:
    """Fresh connections, which any process may take, are all answered by this model."""
    until(
        lambda: all(call(port, "GET", "/ready")[1].get("model_id") == model_id for _ in range(20))
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The server processes, not the helper that Python starts beside them."""
    found = psutil.Process(process.pid).children()
    alive = [child for child in found if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]


def figures(port: int) -> dict[str, float]:
    """What /metrics tells, by series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {series: float(number) for series, _, number in pairs}


def serving(port: int) -> dict[str, float]:
    """How many processes answer by each model."""
    found = figures(port)
    return {v: found.get(f'triage_model_info{{model_id="{v}"}}', 0) for v in (OLD, NEW)}
