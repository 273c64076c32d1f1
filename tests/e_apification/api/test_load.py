"""Many at once: what waits is bounded, what is refused says when to come back, health answers."""

import asyncio
import time
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app
from tests.clock import scaled


def application(gated: Any, **limits: Any) -> FastAPI:
    settings = Settings(run_dir=Path("nowhere"), serving=ServingSettings(workers=2, **limits))
    return create_app(settings, load=lambda _: gated)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(10)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_health_answers_while_every_worker_is_busy(gated: Any) -> None:
    with TestClient(application(gated)) as client, ThreadPoolExecutor(8) as pool:
        gated.gate.clear()
        busy = [pool.submit(client.post, "/predict", json={"text": str(i)}) for i in range(8)]
        wait_until(lambda: len(gated.calls) == 2)
        started = time.monotonic()
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        assert time.monotonic() - started < scaled(1)
        gated.gate.set()
        assert [future.result().status_code for future in busy] == [200] * 8


def test_requests_over_the_limit_are_told_to_come_back(gated: Any) -> None:
    with (
        TestClient(application(gated, max_concurrency=3)) as client,
        ThreadPoolExecutor(3) as pool,
    ):
        gated.gate.clear()
        admitted: list[Future[Any]] = []
        for i in range(3):
            admitted.append(pool.submit(client.post, "/predict", json={"text": str(i)}))
        wait_until(lambda: len(gated.calls) == 2)
        time.sleep(0.1)
        refused = client.post("/predict", json={"text": "one too many"})
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.headers["retry-after"] == "1"
        gated.gate.set()
        assert [future.result().status_code for future in admitted] == [200] * 3
        assert client.post("/predict", json={"text": "now"}).status_code == 200


def test_answers_of_requests_at_once_are_not_mixed_up(gated: Any) -> None:
    texts = [f"text {i}" for i in range(60)]
    with TestClient(application(gated)) as client, ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda text: client.post("/predict", json={"text": text}).json(), texts)
        )
    assert [answer["label"] for answer in answers] == texts


def test_a_body_that_never_ends_is_given_up(settings: Settings, client: TestClient) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def scenario() -> None:
        pieces = [{"type": "http.request", "body": b'{"text": "', "more_body": True}]

        async def receive() -> dict[str, Any]:
            if pieces:
                return pieces.pop()
            await asyncio.sleep(60)
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        await asyncio.wait_for(client.app(scope, receive, send), 5)

    asyncio.run(scenario())
    assert sent[0]["status"] == 408
    assert b"0.3 seconds" in sent[1]["body"]
