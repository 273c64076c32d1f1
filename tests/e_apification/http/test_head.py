"""HEAD answers what GET answers, without the body."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.e_apification.servers import server

PATHS = [
    "/", "/health", "/ready", "/metadata", "/metrics", "/drift", "/experiments", "/docs",
    "/openapi.json", "/static/main.js", "/metrics/0123456789ab",
]  # fmt: skip
OWN = ("x-request-id", "date")  # of each answer


@pytest.mark.parametrize("path", PATHS)
def test_headers_are_those_of_get_and_the_body_is_none(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    changing = (*OWN, "content-length") if path == "/metrics" else OWN  # it counts this too
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in got.headers.items() if k not in changing
    }
    assert head.headers["x-request-id"] != got.headers["x-request-id"]


def test_what_get_does_not_have_head_has_not_either(client: TestClient) -> None:
    for path, status in (("/nothing", 404), ("/static/nothing.js", 404), ("/predict", 405)):
        head = client.head(path)
        assert (head.status_code, head.content) == (status, b"")


@pytest.mark.timeout(120)
def test_a_connection_lives_on_after_a_head(models_dir: Path) -> None:
    with (
        server(models_dir.parent) as (_, port),
        closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection,
    ):
        for path in ("/health", "/ready", "/"):
            answers = []
            for method in ("HEAD", "GET"):
                connection.request(method, path)
                response = connection.getresponse()
                answers.append((response.status, response.headers["content-length"]))
                body = response.read()
                assert len(body) == (0 if method == "HEAD" else int(answers[-1][1]))
            assert answers[0] == answers[1]
            assert connection.sock is not None
