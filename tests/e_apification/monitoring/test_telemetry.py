"""What Prometheus reads: parsed by its own client, against requests counted by hand."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.log import JsonLines
from common.models.journal import Deployment, append
from e_apification.api.app import create_app
from tests.e_apification.conftest import MakeModels
from tests.e_apification.learning import ENTRY, WITH_KEY

MODEL_ID = "0123456789ab"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[(name, frozenset(labels.items()))]


@pytest.fixture
def client(models_dir: Path) -> Iterator[TestClient]:
    serving = ServingSettings(workers=1, max_text_chars=200, log_format="json")
    settings = Settings(run_dir=models_dir.parent, serving=serving)
    with TestClient(create_app(settings)) as started:
        yield started


def test_requests_answers_and_errors_are_counted(client: TestClient) -> None:
    client.post("/predict", json={"text": "refund"})
    client.post("/batch_predict", json={"texts": ["refund", "parcel", "nothing known here"]})
    client.post("/predict", json={"text": "a b c d e f g h"})
    client.post("/predict", json={"text": ""})
    client.get("/nowhere/at/all")
    client.request("BREW", "/predict")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = scrape(answer.text)
    asked = {"method": "POST", "route": "/predict"}
    assert value(found, "triage_requests_total", **asked, status="200") == 2
    assert value(found, "triage_requests_total", **asked, status="422") == 1
    assert value(found, "triage_requests_total", method="GET", route="none", status="404") == 1
    assert value(found, "triage_request_seconds_count", route="/batch_predict") == 1
    assert value(found, "triage_errors_total", code="invalid_request") == 1
    billing = {"model_id": MODEL_ID, "label": "billing"}
    assert value(found, "triage_predictions_total", **billing) == 2
    assert value(found, "triage_abstentions_total", model_id=MODEL_ID) == 2
    assert value(found, "triage_truncations_total", model_id=MODEL_ID) == 1
    # 0.69 three times, 0.33 twice.
    assert value(found, "triage_confidence_bucket", model_id=MODEL_ID, le="0.4") == 2
    assert value(found, "triage_confidence_bucket", model_id=MODEL_ID, le="0.7") == 5
    assert value(found, "triage_text_tokens_sum", model_id=MODEL_ID) == 3 * 3 + 5 + 8
    assert value(found, "triage_pending_texts") == 0
    assert value(found, "triage_model_info", model_id=MODEL_ID) == 1
    assert not [name for name, labels in found if "BREW" in str(labels)]
    assert not [name for name, _ in found if name.startswith("triage_jobs")]  # nobody may ask


def test_what_waits_and_what_is_refused_shows(gated: Any) -> None:
    serving = ServingSettings(workers=1, max_concurrency=2)
    app = create_app(Settings(run_dir=Path("nowhere"), serving=serving), load=lambda _: gated)
    with TestClient(app) as client, ThreadPoolExecutor(2) as pool:
        gated.gate.clear()
        busy = [pool.submit(client.post, "/predict", json={"texts": ["a", "b"]}) for _ in range(2)]
        while value(scrape(client.get("/metrics").text), "triage_pending_texts") < 4:
            pass
        assert client.post("/predict", json={"text": "c"}).status_code == 503
        found = scrape(client.get("/metrics").text)
        assert value(found, "triage_errors_total", code="overloaded") == 1
        gated.gate.set()
        assert [asked.result().status_code for asked in busy] == [200, 200]
        assert value(scrape(client.get("/metrics").text), "triage_pending_texts") == 0


def test_jobs_and_workers(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    serving = ServingSettings(workers=1, api_keys=(ENTRY,))
    app = create_app(Settings(run_dir=tmp_path, serving=serving))
    with TestClient(app, headers=WITH_KEY) as client:
        client.post("/retrain")
        found = scrape(client.get("/metrics").text)
    assert {
        state: value(found, "triage_jobs", state=state)
        for state in ("queued", "running", "succeeded", "refused", "failed")
    } == {"queued": 1, "running": 0, "succeeded": 0, "refused": 0, "failed": 0}
    assert time.time() - value(found, "triage_job_timestamp_seconds", state="queued") < 60
    assert len([name for name, _ in found if name == "triage_job_timestamp_seconds"]) == 1
    assert value(found, "triage_workers") == 0


def test_the_last_deployment_has_its_time(make_models: MakeModels) -> None:
    models = make_models()
    deployed = "triage_deployment_timestamp_seconds"
    serving = ServingSettings(workers=1)
    with TestClient(create_app(Settings(run_dir=models.parent, serving=serving))) as client:
        first = scrape(client.get("/metrics").text)
        at = datetime(2026, 11, 30, 12, tzinfo=UTC)
        back = Deployment(at=at, action="rollback", before=MODEL_ID, to="ba9876543210", by="ada")
        append(models, back)
        append(models, back.model_copy(update={"action": "refuse", "to": "0" * 12}))
        second = scrape(client.get("/metrics").text)
        (models / "deployments.jsonl").unlink()
        third = scrape(client.get("/metrics").text)
    assert time.time() - value(first, deployed, model_id=MODEL_ID, action="force") < 60
    assert value(second, deployed, model_id="ba9876543210", action="rollback") == 1_796_040_000
    assert [len([name for name, _ in found if name == deployed]) for found in (second, third)] == [
        1, 0,
    ]  # fmt: skip


def test_each_request_is_one_json_line_without_its_text(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(JsonLines())
    with caplog.at_level(logging.INFO, "e_apification"):
        client.post("/predict", json={"text": "secret4711"}, headers={"X-Request-ID": "call-17"})
        client.get("/health")
    lines = [json.loads(text) for text in caplog.text.splitlines()]
    (line,) = [line for line in lines if line["logger"].startswith("e_apification")]
    assert line.pop("milliseconds") > 0
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info", "logger": "e_apification.http.guard", "message": "request",
        "request_id": "call-17", "method": "POST", "route": "/predict", "status": 200, "code": None,
    }  # fmt: skip


def test_an_exception_is_told_by_type_and_place_alone() -> None:
    try:
        raise ValueError("secret4711")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert line["exception"] == "ValueError"
    assert "test_telemetry.py" in line["frames"]
    assert "secret4711" not in json.dumps({**line, "frames": ""})
