"""/add_data, /retrain, /experiments and /metrics/{model_id}, on SQLite and PostgreSQL."""

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from common.config.schema import Settings
from common.store.engine import open_store
from common.store.feedback import read_feedback
from common.store.jobs import finish_job, show_life, take_job
from e_apification.api.app import create_app
from tests.e_apification.learning import WITH_KEY, serving

MODEL_ID = "0123456789ab"
ROWS = [
    {"text": "where is my parcel?", "label": "delivery"},
    {"text": "Refund me, a@b.example", "label": "billing"},
]
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def settings(store_settings: Settings, models_dir: Path) -> Settings:
    shutil.copytree(models_dir, store_settings.run_dir / "models")
    return store_settings.model_copy(update={"serving": serving()})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), headers=WITH_KEY) as started:
        yield started


@pytest.fixture
def store(settings: Settings) -> Iterator[Engine]:
    engine = open_store(settings)
    yield engine
    engine.dispose()


def add(client: TestClient, rows: Any = ROWS, **headers: str) -> Any:
    return client.post("/add_data", json={"rows": rows}, headers=headers)


def problems(response: Any) -> dict[str, str]:
    return {p["field"]: p["problem"] for p in response.json()["error"]["details"]}


def test_rows_are_kept_with_personal_data_masked(client: TestClient, store: Engine) -> None:
    response = add(client)
    assert response.status_code == 201
    body = response.json()
    assert body["rows"] == 2
    age = datetime.now(UTC) - datetime.fromisoformat(body["added_at"])
    assert abs(age.total_seconds()) < 10
    kept = read_feedback(store)
    assert [row.label for row in kept] == ["delivery", "billing"]
    assert kept[0].text == "where is my parcel?"
    assert "a@b.example" not in kept[1].text


def test_a_csv_in_any_order_of_columns_is_taken(client: TestClient, store: Engine) -> None:
    body = '\ufefflabel,id,text\r\nother,1,"hello,\r\nyou"\r\n\r\nbilling,2,refund\r\n'
    response = client.post("/add_data", content=body.encode(), headers=CSV)
    assert response.json()["rows"] == 2
    assert [tuple(row) for row in read_feedback(store)] == [
        ("hello, you", "other"), ("refund", "billing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/csv", 'sep=;\n"text";"label"\n"Grüße; hello";"other"\n'.encode("utf-16")),
        ("text/csv; charset=cp1250", "text,label\nGrüße; hello,other\n".encode("cp1250")),
        ("application/jsonl", '{"text": "Grüße; hello", "label": "other", "n": 1}\n'.encode()),
        (
            "application/octet-stream",
            b'\xef\xbb\xbf{"label": "other", "text": "Gr\\u00fc\xc3\x9fe; hello"}',
        ),
        ("application/gzip", gzip.compress("text\tlabel\nGrüße; hello\tother\n".encode(), mtime=0)),
    ],
)  # fmt: skip
def test_a_table_of_another_form_is_taken(
    client: TestClient, store: Engine, media_type: str, body: bytes
) -> None:
    response = client.post("/add_data", content=body, headers={"Content-Type": media_type})
    assert response.status_code == 201, response.text
    assert [tuple(row) for row in read_feedback(store)] == [("Grüße; hello", "other")]


def test_json_in_another_encoding_is_named_so(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    for codec in ("cp1252", "utf-16"):
        body = json.dumps({"rows": [{"text": "Grüße", "label": "other"}]}, ensure_ascii=False)
        response = client.post("/add_data", content=body.encode(codec), headers=headers)
        assert response.status_code == 400
        assert "UTF-8" in response.json()["error"]["message"]
    marked = client.post("/add_data", content=body.encode("utf-8-sig"), headers=headers)
    assert marked.status_code == 201


def test_a_repeated_request_gets_the_same_answer_and_adds_nothing(
    client: TestClient, store: Engine
) -> None:
    first = add(client, **{"Idempotency-Key": "k-1"})
    again = add(client, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(read_feedback(store)) == 2


def test_the_same_key_with_another_body_is_a_conflict(client: TestClient, store: Engine) -> None:
    add(client, **{"Idempotency-Key": "k-1"})
    other = add(client, ROWS[:1], **{"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"
    assert len(read_feedback(store)) == 2


def test_rows_at_fault_are_named_without_their_texts_and_nothing_is_added(
    client: TestClient, store: Engine
) -> None:
    rows = [
        *ROWS,
        {"text": "secret words", "label": "Billing"},
        {"text": "  ", "label": "other"},
        {"text": "x" * 201, "label": "other"},
        {"text": "nul \0", "label": "other"},
        {"text": "WHERE is my parcel", "label": "billing"},
    ]
    response = add(client, rows)
    assert response.status_code == 422
    assert problems(response) == {
        "row 3": "'Billing' is not a label; the labels are 'billing', 'delivery', 'other'",
        "row 4": "holds no text that a model would read",
        "row 5": "its text is longer than 200 characters",
        "row 6": "its text holds a NUL",
        "row 7": "gives the text of row 1 another label",
    }
    assert "secret" not in response.text
    assert read_feedback(store) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"text,label\n\xff,other\n", "it is not text in one encoding; save it as UTF-8"),
        (b"message,label\nhello,other\n", "it has no column named 'text'"),
        (b"text,label,text\nhello,other,you\n", "it has two columns named 'text'"),
        (b"text,label\nhello,other\nhello\n", "row 2 has 1 fields, the header 2"),
        (b'text,label\nhello,other\n"open,other\n', "it cannot be read after row 1"),
        (b"text,label\nhello,other\nnul\0,other\n", "row 2 holds a NUL; is the file UTF-8?"),
        (b"", "it is empty; it needs a header line and records"),
    ],
)
def test_what_is_no_csv_is_refused_with_the_reason(
    client: TestClient, body: bytes, said: str
) -> None:
    response = client.post("/add_data", content=body, headers=CSV)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_csv"
    assert said in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"text=hello", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": {"rows": [{"text": 1, "label": "other"}]}}, 422),
        ({"json": {"rows": [{"text": "a", "label": "other", "id": 1}]}}, 422),
        ({"json": {"rows": []}}, 422),
        ({"json": {"rows": [{"text": "a", "label": "other"}] * 51}}, 422),
        ({"content": b"text,label\n" + b"hello,other\n" * 1000, "headers": CSV}, 413),
        ({"json": {"rows": ROWS}, "headers": {"Idempotency-Key": "a b"}}, 422),
        ({"json": {"rows": ROWS}, "headers": {"Idempotency-Key": "k" * 201}}, 422),
    ],
)
def test_other_bodies_are_refused(
    client: TestClient, store: Engine, sent: Any, status: int
) -> None:
    assert client.post("/add_data", **sent).status_code == status
    assert read_feedback(store) == []


def test_an_answer_that_was_given_holds_also_where_the_body_is_refused_now(
    client: TestClient, settings: Settings
) -> None:
    """A model with other labels may serve by the time that a client tries again."""
    first = add(client, **{"Idempotency-Key": "k-1"})
    none_fits = settings.model_copy(update={"serving": serving().model_copy(
        update={"max_feedback_rows": 1})})  # fmt: skip
    with TestClient(create_app(none_fits), headers=WITH_KEY) as later:
        assert add(later, **{"Idempotency-Key": "k-1"}).json() == first.json()
        assert add(later).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/add_data"), ("POST", "/retrain"), ("GET", "/retrain/1")]
)
def test_a_key_is_needed(client: TestClient, settings: Settings, method: str, path: str) -> None:
    wrong = client.request(method, path, headers={"X-API-Key": "wrong"})
    assert wrong.status_code == 401
    keyless = settings.model_copy(
        update={"serving": settings.serving.model_copy(update={"api_keys": ()})}
    )
    with TestClient(create_app(keyless), headers=WITH_KEY) as open_to_all:
        response = open_to_all.request(method, path)
        assert response.status_code == 403
        assert "serving.api_keys" in response.json()["error"]["message"]


def test_without_a_worker_a_job_waits_and_says_so(client: TestClient, store: Engine) -> None:
    response = client.post("/retrain")
    body = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/retrain/{body['job']}"
    assert (body["state"], body["asked_by"], body["attempts"]) == ("queued", "ada", 0)
    assert len(body["warnings"]) == 1
    assert "python -m d_training worker" in body["warnings"][0]
    show_life(store, worker="w", lease_s=60)
    assert client.get(f"/retrain/{body['job']}").json()["warnings"] == []


def test_one_job_at_a_time(client: TestClient) -> None:
    first = client.post("/retrain").json()["job"]
    second = client.post("/retrain")
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "job_open"
    assert second.headers["location"] == f"/retrain/{first}"


def test_a_job_is_followed_to_its_end_also_by_another_server(
    client: TestClient, settings: Settings, store: Engine
) -> None:
    job_id = client.post("/retrain").json()["job"]
    taken = take_job(store, worker="w", lease_s=60)
    assert taken is not None
    with TestClient(create_app(settings), headers=WITH_KEY) as restarted:
        running = restarted.get(f"/retrain/{job_id}").json()
        assert (running["state"], running["attempts"], running["finished_at"]) == (
            "running", 1, None,
        )  # fmt: skip
        finish_job(store, taken, state="refused", model_id="0" * 12, reasons=["too low"])
        ended = restarted.get(f"/retrain/{job_id}").json()
    assert (ended["state"], ended["model_id"], ended["reasons"]) == (
        "refused", "0" * 12, ["too low"],
    )  # fmt: skip
    assert ended["warnings"] == []
    assert client.post("/retrain").status_code == 202


@pytest.mark.parametrize("job", ["1", "x", "-1", "9" * 18, "9" * 400, "²"])
def test_no_such_job(client: TestClient, job: str) -> None:
    assert client.get(f"/retrain/{job}").status_code == 404


def test_experiments_are_listed_with_what_serves(client: TestClient, settings: Settings) -> None:
    staging = settings.run_dir / "models" / ".0000.staging-0"
    shutil.copytree(settings.run_dir / "models" / MODEL_ID, staging)
    broken = settings.run_dir / "models" / ("0" * 12)
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    (found,) = client.get("/experiments").json()["experiments"]
    assert (found["model_id"], found["production"], found["verdict"]) == (MODEL_ID, True, None)
    assert found["scores"] == {}


def test_metrics_are_those_of_the_model_as_json(client: TestClient, settings: Settings) -> None:
    path = settings.run_dir / "models" / MODEL_ID / "metrics.json"
    known = json.loads(path.read_text())
    assert client.get(f"/metrics/{MODEL_ID}").json() == known
    path.write_text('{"a": NaN}')
    assert client.get(f"/metrics/{MODEL_ID}").json() == {"a": None}


@pytest.mark.parametrize("name", ["0" * 12, "nothing", "%2e%2e", "%2e%2e%2fproduction", "x" * 500])
def test_metrics_of_no_model(client: TestClient, name: str) -> None:
    assert client.get(f"/metrics/{name}").status_code == 404


def test_the_schema_says_what_can_be_answered(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"201", "401", "403", "409", "413", "422", "503"} <= set(
        paths["/add_data"]["post"]["responses"]
    )
    content = paths["/add_data"]["post"]["requestBody"]["content"]
    assert {"application/json", "text/csv", "application/x-ndjson"} <= set(content)
    assert {"202", "401", "403", "409", "503"} <= set(paths["/retrain"]["post"]["responses"])
    assert {"200", "404"} <= set(paths["/retrain/{job}"]["get"]["responses"])
    assert {"200", "404"} <= set(paths["/metrics/{model_id}"]["get"]["responses"])


def test_predictions_go_on_without_a_store(tmp_path: Path, models_dir: Path) -> None:
    shutil.copytree(models_dir, tmp_path / "models")
    (tmp_path / "store").write_text("in the way")
    settings = Settings(run_dir=tmp_path, serving=serving())
    with TestClient(create_app(settings), headers=WITH_KEY) as client:
        response = add(client)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "store_unavailable"
        assert str(tmp_path) not in response.text
        assert response.headers["retry-after"] == "5"
        assert client.post("/predict", json={"text": "refund"}).status_code == 200
        (tmp_path / "store").unlink()
        assert add(client).status_code == 201
