import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

MODEL_ID = "0123456789ab"
REFUND = {
    "label": "billing",
    "confidence": 0.691438,
    "scores": {"billing": 0.691438, "delivery": 0.154281, "other": 0.154281},
    "abstained": False,
    "truncated": False,
    "readable": True,
    "model_id": MODEL_ID,
}
UNSURE = {
    "label": None,
    "confidence": 0.333333,
    "scores": {"billing": 0.333333, "delivery": 0.333333, "other": 0.333333},
    "abstained": True,
    "truncated": False,
    "readable": True,
    "model_id": MODEL_ID,
}


def test_predict_answers_one_text(client: TestClient) -> None:
    response = client.post("/predict", json={"text": "refund"})
    assert (response.status_code, response.json()) == (200, REFUND)


def test_predict_abstains_where_it_is_not_sure(client: TestClient) -> None:
    assert client.post("/predict", json={"text": "nothing known"}).json() == UNSURE


def test_predict_says_that_a_text_was_cut(client: TestClient) -> None:
    answer = client.post("/predict", json={"text": "refund " + "word " * 20}).json()
    assert (answer["label"], answer["truncated"]) == ("billing", True)


def test_predict_says_that_nothing_was_left_to_read(client: TestClient) -> None:
    answer = client.post("/predict", json={"text": "https://example.org/only"}).json()
    assert (answer["label"], answer["abstained"], answer["readable"]) == (None, True, False)


@pytest.mark.parametrize("path", ["/predict", "/batch_predict"])
def test_several_texts_are_answered_in_their_order(client: TestClient, path: str) -> None:
    response = client.post(path, json={"texts": ["refund", "nothing known", "refund"]})
    assert response.status_code == 200
    assert response.json() == {"predictions": [REFUND, UNSURE, REFUND]}


def test_a_batch_of_many_slices_keeps_its_order(client: TestClient) -> None:
    words = ["refund", "parcel", "hello", "unknown"] * 5
    answer = client.post("/batch_predict", json={"texts": words}).json()
    expected = ["billing", "delivery", "other", None] * 5
    assert [prediction["label"] for prediction in answer["predictions"]] == expected


# Texts that are odd but texts: they get an answer.
@pytest.mark.parametrize(
    "text",
    [
        "\u0000 refund \u0000",
        "refund \U0001f4a9",
        "\u202erefund",
        "refund " + "\u0301" * 50,
        "=1+1",
    ],
)
def test_odd_texts_are_answered(client: TestClient, text: str) -> None:
    response = client.post("/predict", json={"text": text})
    assert response.status_code == 200
    assert response.json()["label"] == (None if text == "=1+1" else "billing")


# body, status, code, and the details: where and what.
REFUSED: list[tuple[str, bytes, int, str, list[tuple[str, str]]]] = [
    ("no JSON", b"refund", 400, "invalid_json", []),
    ("nothing", b"", 400, "invalid_json", []),
    ("half", b'{"text": "refund', 400, "invalid_json", []),
    ("no UTF-8", b'{"text": "\xff\xfe"}', 400, "invalid_json", []),
    ("lone surrogate", b'{"text": "\\ud800"}', 400, "invalid_json", []),
    ("UTF-16", '{"text": "a"}'.encode("utf-16"), 400, "invalid_json", []),
    ("gzip", b"\x1f\x8b\x08\x00", 400, "invalid_json", []),
    ("deep", b"[" * 4000, 400, "invalid_json", []),
    ("deep value", b'{"text": ' + b'{"a":' * 1000, 400, "invalid_json", []),
    ("huge number", b'{"text": ' + b"9" * 9000 + b"}", 400, "invalid_json", []),
    ("NaN", b'{"text": NaN}', 422, "invalid_request", [("text", "should be a valid string")]),
    ("number", b'{"text": 1}', 422, "invalid_request", [("text", "should be a valid string")]),
    ("list", b'["a"]', 422, "invalid_request", [("body", "should be an object")]),
    ("null", b'{"text": null}', 422, "invalid_request", [("body", "either text or texts")]),
    ("neither", b"{}", 422, "invalid_request", [("body", "either text or texts")]),
    (
        "both",
        b'{"text": "a", "texts": ["b"]}',
        422,
        "invalid_request",
        [("body", "either text or texts")],
    ),
    (
        "unknown field",
        b'{"text": "a", "secret4711": 1}',
        422,
        "invalid_request",
        [("body", "unknown field")],
    ),
    ("empty text", b'{"text": ""}', 422, "invalid_request", [("text", "holds no text")]),
    ("blank text", b'{"text": " \\n "}', 422, "invalid_request", [("text", "holds no text")]),
    ("no texts", b'{"texts": []}', 422, "invalid_request", [("texts", "at least one")]),
    (
        "long text",
        json.dumps({"text": "a" * 201}).encode(),
        422,
        "invalid_request",
        [("text", "longer than 200")],
    ),
    (
        "long text in a list",
        json.dumps({"texts": ["a", "a" * 201]}).encode(),
        422,
        "invalid_request",
        [("texts.1", "longer than 200")],
    ),
    (
        "many texts",
        json.dumps({"texts": ["a"] * 21}).encode(),
        422,
        "invalid_request",
        [("texts", "21 texts are more than 20")],
    ),
    (
        "many wrong texts",
        json.dumps({"texts": [1] * 3000}).encode(),
        422,
        "invalid_request",
        [("texts.0", "should be a valid string")],
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "details"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_a_bad_body_is_refused_with_its_reason(
    client: TestClient, body: bytes, status: int, code: str, details: list[tuple[str, str]]
) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/predict", content=body, headers=headers)
    error = check_error(response, status, code, "/predict")
    assert len(error["details"]) == len(details)
    for seen, (field, problem) in zip(error["details"], details, strict=True):
        assert seen["field"] == field
        assert problem in seen["problem"]
    assert "secret4711" not in response.text


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_another_content_type_is_refused(client: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = client.post("/predict", content=b'{"text": "a"}', headers=headers)
    check_error(response, 415, "unsupported_media_type", "/predict")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_however_it_is_spelled(client: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    assert client.post("/predict", content=b'{"text": "a"}', headers=headers).status_code == 200


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    response = client.post("/batch_predict", json={"texts": ["a" * 190] * 60})
    error = check_error(response, 413, "payload_too_large", "/batch_predict")
    assert "10000 bytes" in error["message"]
    assert response.headers["connection"] == "close"


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    def chunks() -> Any:
        yield b'{"text": "'
        for _ in range(60):
            yield b"a" * 190

    headers = {"Content-Type": "application/json"}
    response = client.post("/predict", content=chunks(), headers=headers)
    check_error(response, 413, "payload_too_large", "/predict")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/predict/", 404, "not_found"),
        ("GET", "/../etc/passwd", 404, "not_found"),
        ("GET", "/%2e%2e/%00", 404, "not_found"),
        ("GET", "/" + "x" * 5000, 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("DELETE", "/batch_predict", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
def test_wrong_paths_and_methods_get_the_one_shape(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.request(method, path)
    error = check_error(response, status, code, None)
    assert len(error["path"]) <= 200
    assert ("allow" in response.headers) == (status == 405)


def check_error(response: Any, status: int, code: str, path: str | None) -> dict[str, Any]:
    """The contract of every error; gives its content."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == ["code", "message", "status", "path", "details"]
    assert (error["code"], error["status"]) == (code, status)
    assert path is None or error["path"] == path
    return error
