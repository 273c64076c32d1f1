"""The page's files: types, caching, policy; nothing in them comes from elsewhere."""

import re

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.config.settings import ROOT
from e_apification.api.app import create_app

STATIC = ROOT / "e_apification" / "static"
FILES = sorted(path.name for path in STATIC.iterdir())
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@pytest.mark.parametrize("name", FILES)
def test_each_file_has_its_type_and_is_kept_until_it_changes(client: TestClient, name: str) -> None:
    first = client.get(f"/static/{name}")
    assert first.content == (STATIC / name).read_bytes()
    assert first.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert first.headers.get_list("cache-control") == ["no-cache"]
    assert first.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"/static/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/static/{name}", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "", "%2e%2e%2fapp.py", "..%2fguard.py", "page.css%00", "x" * 5000]
)
def test_nothing_else_is_given(client: TestClient, name: str) -> None:
    response = client.get(f"/static/{name}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_the_page_may_use_its_own_files_and_this_server_only(client: TestClient) -> None:
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        part.split(" ", 1) for part in response.headers["content-security-policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_answers_that_are_data_are_still_kept_by_nobody(client: TestClient) -> None:
    headers = client.get("/health").headers
    assert headers.get_list("cache-control") == ["no-store"]
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_no_file_makes_markup_or_code_of_a_string_or_fetches_from_elsewhere() -> None:
    for name in FILES:
        source = (
            (STATIC / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        )
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|//\w+\.\w",
            source,
        ), name
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_each_file_is_used_and_each_that_is_used_exists() -> None:
    sources = {name: (STATIC / name).read_text(encoding="utf-8") for name in FILES}
    used = set(re.findall(r'(?:src|href)="static/([^"]+)"', sources["index.html"]))
    for source in sources.values():
        used |= set(re.findall(r'from "\./([^"]+)"', source))
    assert used == set(FILES) - {"index.html"}


def test_the_files_cost_no_rate_and_no_key() -> None:
    limits = ServingSettings(
        rate_limit=0.01, rate_burst=1, require_key=True, api_keys=(f"ci:{'0' * 64}",)
    )
    caller = TestClient(create_app(Settings(serving=limits)))
    for name in FILES:
        assert caller.get(f"/static/{name}").status_code == 200
    assert caller.get("/").status_code == 200
    assert caller.get("/").status_code == 429
