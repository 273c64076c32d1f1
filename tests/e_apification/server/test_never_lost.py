"""What was acknowledged is never lost, and never there twice, wherever the API is killed."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.config.settings import ROOT
from common.store.engine import open_store
from common.store.feedback import read_feedback
from tests.e_apification.learning import ENTRY, WITH_KEY

KILLS = 6
ROWS = 5


class Api:
    """The server as a process that can be killed and started again at the same place."""

    def __init__(self, settings: Settings) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [sys.executable, "-m", "e_apification"]
        for item in (
            f"run_dir={settings.run_dir}",
            f"serving.port={self.port}",
            "serving.workers=1",
        ):
            self._command += ["--set", item]
        self._environment = os.environ | {"TRIAGE_SERVING__API_KEYS": json.dumps([ENTRY])}
        if settings.store.url is not None:
            self._environment["DATABASE_URL"] = settings.store.url.get_secret_value()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None
                time.sleep(0.01)
        raise AssertionError("the server did not start")

    def end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            known = {"Content-Type": "application/json", **WITH_KEY, **headers}
            connection.request("POST", path, json.dumps(body), known)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


class Client(threading.Thread):
    """Sends batch after batch; one that is patient tries each until it is acknowledged."""

    def __init__(self, api: Api, name: str, *, patient: bool) -> None:
        super().__init__(name=name)
        self._api, self._patient = api, patient
        self.over = threading.Event()
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.lost_answers = 0

    def run(self) -> None:
        batch = 0
        while not self.over.is_set():
            texts = [f"parcel {self.name} {letters(batch)} {letters(row)}" for row in range(ROWS)]
            self.sent += texts
            body = {"rows": [{"text": text, "label": "delivery"} for text in texts]}
            if self._send(body, key=f"{self.name}-{batch}"):
                self.acknowledged += texts
            batch += 1

    def _send(self, body: object, *, key: str) -> bool:
        while True:
            try:
                status, _ = self._api.post("/add_data", body, **{"Idempotency-Key": key})
            except (OSError, http.client.HTTPException):
                self.lost_answers += 1
                if not self._patient:
                    return False
                time.sleep(0.05)
                continue
            assert status == 201
            return True


def wait_for_an_answer_each(clients: list[Client]) -> None:
    before = [len(client.acknowledged) for client in clients]
    deadline = time.monotonic() + 30
    while any(len(c.acknowledged) == n for c, n in zip(clients, before, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def letters(number: int) -> str:
    """A number in letters, as digits may be masked."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


@pytest.fixture
def api(store_settings: Settings, models_dir: Path) -> Iterator[Api]:
    shutil.copytree(models_dir, store_settings.run_dir / "models")
    api = Api(store_settings)
    yield api
    api.end(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_acknowledged_row_is_there_once(api: Api, store_settings: Settings) -> None:
    chance = random.Random(5)
    clients = [
        Client(api, "a", patient=True), Client(api, "b", patient=True),
        Client(api, "c", patient=False),
    ]  # fmt: skip
    api.start()
    for client in clients:
        client.start()
    for _ in range(KILLS):
        wait_for_an_answer_each(clients)
        time.sleep(chance.uniform(0, 0.5))
        api.end(signal.SIGKILL)
        api.start()
    time.sleep(0.3)
    for client in clients:
        client.over.set()
    for client in clients:
        client.join()
    api.end(signal.SIGTERM)

    engine = open_store(store_settings)
    kept = Counter(row.text for row in read_feedback(engine))
    engine.dispose()
    assert max(kept.values()) == 1
    for client in clients:
        assert len(client.acknowledged) >= KILLS * ROWS
        assert client.lost_answers > 0  # it was under way as the server was killed
        assert set(client.acknowledged) <= set(kept)
    assert set(clients[0].sent + clients[1].sent) <= set(kept)
    # Of a batch whose answer was lost there is all or nothing.
    batches = Counter(text.rpartition(" ")[0] for text in kept)
    assert set(batches.values()) == {ROWS}


@pytest.mark.slow
def test_a_queued_job_survives_the_server(api: Api) -> None:
    api.start()
    status, asked = api.post("/retrain", {})
    assert status == 202
    api.end(signal.SIGKILL)
    api.start()
    status, answer = api.post("/retrain", {})
    assert status == 409
    assert answer["error"]["details"] == [{"field": "job", "problem": f"{asked['job']} is queued"}]
