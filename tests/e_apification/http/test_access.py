"""Rates, required keys, cross-origin rules and headers, as a client sees them."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app
from e_apification.http.access import _address

# sha256 of the five letters "mykey".
ENTRY = "ci:5e50f405ace6cbdf17379f4b9f2b0c9f4144c5e380ea0b9298cb02ebd8ffe511"
KEY = {"X-API-Key": "mykey"}


def client(gated: Any, address: str = "10.0.0.1", **serving: Any) -> TestClient:
    app = create_app(
        Settings(run_dir=Path("nowhere"), serving=ServingSettings(**serving)), load=lambda _: gated
    )
    return TestClient(app, client=(address, 50_000))


def statuses(caller: TestClient, times: int, **headers: str) -> list[int]:
    return [
        caller.post("/predict", json={"text": "a"}, headers=headers).status_code
        for _ in range(times)
    ]


def test_who_asks_too_often_is_told_when_to_come_back(gated: Any) -> None:
    with client(gated, rate_limit=0.01, rate_burst=2) as caller:
        assert statuses(caller, 2) == [200, 200]
        refused = caller.post("/predict", json={"text": "a"})
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "too_many_requests"
        assert 90 <= int(refused.headers["retry-after"]) <= 100
        assert refused.headers["x-request-id"]
        assert caller.get("/health").status_code == caller.get("/ready").status_code == 200
        assert caller.get("/nowhere").status_code == 429


def test_a_key_has_a_rate_of_its_own_and_guessing_has_the_address_s(gated: Any) -> None:
    with client(gated, rate_limit=0.01, rate_burst=2, api_keys=(ENTRY,)) as caller:
        assert statuses(caller, 3) == [200, 200, 429]
        assert statuses(caller, 3, **KEY) == [200, 200, 429]
        assert statuses(caller, 1, **{"X-API-Key": "guess"}) == [429]


def test_another_address_has_another_rate(gated: Any) -> None:
    app = create_app(
        Settings(run_dir=Path("nowhere"), serving=ServingSettings(rate_limit=0.01, rate_burst=1)),
        load=lambda _: gated,
    )
    with TestClient(app, client=("10.0.0.1", 1)) as first:
        second = TestClient(app, client=("10.0.0.2", 1))
        assert [statuses(first, 2), statuses(second, 2)] == [[200, 429], [200, 429]]


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:strange:thing", "a:strange:thing"),
    ],
)
def test_of_ipv6_a_whole_network_is_one_caller(host: str, counted: str) -> None:
    assert _address({"client": (host, 1)}) == counted


def test_where_a_key_is_required_only_probes_and_descriptions_are_open(gated: Any) -> None:
    with client(gated, require_key=True, api_keys=(ENTRY,)) as caller:
        for path in ("/health", "/ready", "/", "/docs", "/openapi.json"):
            assert caller.get(path).status_code == 200
        for path in ("/metadata", "/nowhere"):
            assert caller.get(path).json()["error"]["code"] == "wrong_key"
        assert statuses(caller, 1) == statuses(caller, 1, **{"X-API-Key": "guess"}) == [401]
        assert statuses(caller, 1, **KEY) == [200]
        assert statuses(caller, 1, Authorization="Bearer mykey") == [200]


def test_no_origin_but_its_own_may_call_unless_named(gated: Any) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    with client(gated) as caller:
        assert caller.options("/predict", headers=asked).status_code == 405
        answer = caller.post("/predict", json={"text": "a"}, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    with client(gated, cors_origins="https://a.example") as caller:
        allowed = caller.options("/predict", headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        other = caller.post("/predict", json={"text": "a"}, headers={"Origin": "https://b.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("origin", ["*", "a.example", "https://a.example/path", "https://*.b.c"])
def test_an_origin_is_a_scheme_and_a_host(origin: str) -> None:
    with pytest.raises(ValueError, match="scheme://host"):
        ServingSettings(cors_origins=(origin,))


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/", "/docs", "/metadata"])
def test_every_answer_has_security_headers(gated: Any, path: str) -> None:
    with client(gated) as caller:
        headers = caller.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers.get_list("cache-control") == ["no-cache" if path == "/" else "no-store"]
    assert headers.get_list("content-security-policy")[0].startswith("default-src 'none'; ")
    assert len(headers.get_list("content-security-policy")) == 1
