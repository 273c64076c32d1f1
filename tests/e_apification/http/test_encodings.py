"""In which encoding a body may come, and what is said of the others."""

import codecs
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

TEXT = "refund für Zoë – 20 €"
JSON = {"Content-Type": "application/json"}
ROUTES: list[tuple[str, Any]] = [
    ("/predict", {"text": TEXT}),
    ("/batch_predict", {"texts": [TEXT]}),
    ("/explain", {"text": TEXT}),
]


def encoded(body: Any, codec: str) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode(codec)


@pytest.mark.parametrize(("path", "body"), ROUTES)
def test_a_byte_order_mark_changes_nothing(client: TestClient, path: str, body: Any) -> None:
    plain = client.post(path, content=encoded(body, "utf-8"), headers=JSON)
    marked = client.post(path, content=encoded(body, "utf-8-sig"), headers=JSON)
    assert (marked.status_code, marked.json()) == (200, plain.json())


@pytest.mark.parametrize(
    "codec", ["cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize(("path", "body"), ROUTES)
def test_another_encoding_is_named_as_what_is_wrong(
    client: TestClient, path: str, body: Any, codec: str
) -> None:
    response = client.post(path, content=encoded(body, codec), headers=JSON)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "invalid_json")
    assert error["message"] == "the body is not UTF-8; send application/json in UTF-8"


def test_what_is_utf8_and_no_json_is_not_called_an_encoding(client: TestClient) -> None:
    for body in (b'{"text": "refund"', b"", codecs.BOM_UTF8, b'{"text": "a\0"}', TEXT.encode()):
        error = client.post("/predict", content=body, headers=JSON).json()["error"]
        assert error["message"] == "the body is not valid JSON"


@pytest.mark.parametrize(
    ("parameter", "status"),
    [
        ("charset=utf-8", 200),
        ('charset="UTF-8"', 200),
        ("charset=us-ascii", 200),
        ("boundary=x", 200),
        ("charset=iso-8859-1", 415),
        ("charset=utf-16", 415),
        ("charset=klingon", 415),
        ("charset=", 415),
    ],
)
def test_json_that_says_it_is_in_another_encoding_is_refused(
    client: TestClient, parameter: str, status: int
) -> None:
    response = client.post(
        "/predict",
        content=b'{"text": "refund"}',
        headers={"Content-Type": f"application/json; {parameter}"},
    )
    assert response.status_code == status
    if status == 415:
        assert response.json()["error"]["code"] == "unsupported_encoding"
        assert "UTF-8" in response.json()["error"]["message"]
