import logging
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from e_apification.http.guard import Guard
from e_apification.monitoring.drift import DriftWindow
from e_apification.monitoring.telemetry import Telemetry

INNER = "the text of a customer at /home/someone"


@pytest.fixture
def faulty() -> TestClient:
    app = FastAPI()
    telemetry = Telemetry(DriftWindow(size=1, min_texts=1, limit=1))
    app.add_middleware(Guard, telemetry=telemetry, log_requests=False)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError(INNER)

    @app.get("/leaves")
    async def leaves() -> None:
        raise ClientDisconnect

    @app.get("/works")
    async def works() -> dict[str, bool]:
        return {"works": True}

    return TestClient(app)


def test_an_unforeseen_failure_is_a_500_that_tells_nothing(
    faulty: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = faulty.get("/fails")
    assert response.status_code == 500
    error = response.json()["error"]
    assert (error["code"], error["path"], error["details"]) == ("internal_error", "/fails", [])
    assert INNER not in response.text
    assert response.headers["x-request-id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert INNER not in caplog.text


@pytest.mark.parametrize("given", ["abc-123", "A.b_9", "x" * 64])
def test_a_harmless_request_id_is_kept(faulty: TestClient, given: str) -> None:
    response = faulty.get("/works", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "a\tb"])
def test_any_other_request_id_is_replaced(faulty: TestClient, given: str) -> None:
    response = faulty.get("/works", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{16}", response.headers["x-request-id"])


def test_a_client_that_went_away_is_no_failure_of_ours(
    faulty: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(AssertionError):
        faulty.get("/leaves")  # the test client misses the answer that nobody waits for
    assert caplog.records == []
