"""The page /docs: all of /openapi.json, and nothing that could run or be fetched."""

import base64
import hashlib
import re

from fastapi.testclient import TestClient

from e_apification.api.routes.docs import render_docs


def test_every_route_schema_and_status_is_on_the_page(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    page = client.get("/docs").text
    for path, operations in schema["paths"].items():
        section = page.partition(f"<code>{path}</code>")[2].partition("<h2>")[0]
        for operation in operations.values():
            for status in operation["responses"]:
                assert f"<th>{status}</th>" in section
    for name in schema["components"]["schemas"]:
        assert f'<h3 id="{name}">' in page
    assert {"ErrorBody", "EvaluationBody", "ExplanationBody", "PredictionBody"} <= set(
        schema["components"]["schemas"]
    )
    links = set(re.findall(r'href="#(\w+)"', page))
    assert links <= set(re.findall(r'id="(\w+)"', page))


def test_the_limits_of_this_server_are_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/batch_predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["texts"]["maxItems"] == 20
    assert body["properties"]["texts"]["items"]["maxLength"] == 200


def test_the_page_runs_and_fetches_nothing(client: TestClient) -> None:
    response = client.get("/docs")
    assert "<script" not in response.text
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")


def test_what_is_described_cannot_become_markup() -> None:
    evil = "<img src=x onerror=1>"
    page = render_docs(
        {
            "info": {"title": evil},
            "paths": {
                f"/{evil}": {
                    "post": {
                        "description": evil,
                        "security": [{}],
                        "parameters": [{"in": "query", "name": evil, "schema": {"title": evil}}],
                        "responses": {"200": {"description": evil}},
                    }
                }
            },
            "components": {"schemas": {evil: {"title": evil}}},
        }
    )
    assert evil not in page
    assert "Needs an API key" in page
