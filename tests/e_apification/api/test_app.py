from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.errors import TriageError
from e_apification.api.app import create_app, load_production
from e_apification.model.predictor import Predictor

MODEL_ID = "0123456789ab"


def test_health_ready_and_metadata_say_what_runs(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready", "model_id": MODEL_ID}
    metadata = client.get("/metadata").json()
    assert metadata["model"]["model_id"] == MODEL_ID
    names = [label["name"] for label in metadata["model"]["labels"]]
    assert names == ["billing", "delivery", "other"]
    assert metadata["model"]["catch_all"] == "other"
    assert metadata["model"]["abstain_threshold"] == 0.5
    assert metadata["model"]["max_length"] == 8
    assert metadata["model"]["commit"] == metadata["model"]["onnx"]["commit"] == "abc1234"
    assert metadata["model"]["created_at"] == "2026-11-20T10:00:00+00:00"
    assert metadata["limits"] == {
        "max_text_chars": 200,
        "max_texts": 20,
        "max_body_bytes": 10_000,
        "body_timeout_s": 0.3,
        "max_file_bytes": 20_000,
        "max_rows": 30,
        "max_table_bytes": 50_000,
        "max_table_rows": 1_200,
        "max_feedback_rows": 5_000,
        "evaluate_timeout_s": 60,
        "read_timeout_s": 120,
        "max_explain_words": 12,
        "max_concurrency": 64,
        "max_evaluations": 2,
        "max_pending_texts": 4_000,
        "rate_limit": None,
        "rate_burst": 20,
        "require_key": False,
    }
    assert metadata["runtime"]["workers"] == 2


def test_before_the_start_it_is_alive_but_not_ready(settings: Settings) -> None:
    idle = TestClient(create_app(settings))
    assert idle.get("/health").status_code == 200
    for method, path in (("GET", "/ready"), ("GET", "/metadata"), ("POST", "/predict")):
        response = idle.request(method, path, json={"text": "refund"})
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "not_ready"
        assert response.headers["retry-after"] == "1"


def test_the_model_is_loaded_once_and_let_go_at_the_end(settings: Settings) -> None:
    loads: list[Settings] = []

    def load(given: Settings) -> Predictor:
        loads.append(given)
        return load_production(given)

    app = create_app(settings, load=load)
    assert loads == []
    with TestClient(app) as started:
        for _ in range(3):
            assert started.post("/predict", json={"text": "refund"}).status_code == 200
        assert loads == [settings]
    assert app.state.shared.loaded is None


def test_without_a_model_it_does_not_start(tmp_path: Path) -> None:
    app = create_app(Settings(run_dir=tmp_path))
    with pytest.raises(TriageError, match="run `make train_model` first"), TestClient(app):
        pass


def test_openapi_names_the_routes_and_their_bodies(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert sorted(schema["paths"]) == [
        "/add_data",
        "/batch_predict",
        "/deploy/{model_id}",
        "/drift",
        "/evaluate",
        "/experiments",
        "/explain",
        "/health",
        "/metadata",
        "/metrics",
        "/metrics/{model_id}",
        "/predict",
        "/read",
        "/ready",
        "/retrain",
        "/retrain/{job}",
        "/rollback",
    ]
    body = schema["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert sorted(body["schema"]["properties"]) == ["text", "texts"]
    responses = schema["paths"]["/predict"]["post"]["responses"]
    assert sorted(responses) == [
        *("200", "400", "401", "408", "413", "415", "422", "429", "500", "503")
    ]
