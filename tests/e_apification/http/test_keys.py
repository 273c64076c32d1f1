import hashlib
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from common.config.secret_files import new_key
from common.config.serving import ServingSettings
from common.config.settings import load_settings
from common.errors import SettingsError
from e_apification.http.errors import install_error_handlers
from e_apification.http.keys import key_name, main, require_key

# sha256 of the five letters "mykey", and of "other".
MYKEY = "ci:" + "5e50f405ace6cbdf17379f4b9f2b0c9f4144c5e380ea0b9298cb02ebd8ffe511"
OTHER = "ops:" + "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"


def guarded(*keys: str) -> TestClient:
    app = FastAPI()
    app.state.shared = SimpleNamespace(limits=ServingSettings(api_keys=keys))
    install_error_handlers(app)

    @app.post("/change")
    async def change(name: Annotated[str, Depends(require_key)]) -> str:
        return name

    return TestClient(app)


@pytest.fixture
def client_with_keys() -> Iterator[TestClient]:
    with guarded(MYKEY, OTHER) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"X-API-Key": "mykey"}, "ci"),
        ({"X-API-Key": "other"}, "ops"),
        ({"Authorization": "Bearer mykey"}, "ci"),
        ({"Authorization": "bearer other"}, "ops"),
    ],
)
def test_each_key_is_known_by_its_name(
    client_with_keys: TestClient, headers: dict[str, str], name: str
) -> None:
    response = client_with_keys.post("/change", headers=headers)
    assert (response.status_code, response.json()) == (200, name)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "mykey "[:-2]},
        {"X-API-Key": MYKEY.partition(":")[2]},
        {"X-API-Key": MYKEY},
        {"Authorization": "Basic mykey"},
        {"Authorization": "mykey"},
        {"X-API-Key": "wrong", "Authorization": "Bearer mykey"},
        {b"X-API-Key": b"\xff\xfe"},
    ],
)
def test_anything_else_is_a_401_that_repeats_nothing(
    client_with_keys: TestClient, headers: dict[str, str]
) -> None:
    response = client_with_keys.post("/change", headers=headers)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "wrong_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert "mykey" not in response.text


def test_without_any_key_nobody_may_and_the_answer_says_how() -> None:
    response = guarded().post("/change", headers={"X-API-Key": "mykey"})
    assert response.status_code == 403
    message = response.json()["error"]["message"]
    assert "python -m e_apification keys new NAME" in message
    assert "serving.api_keys" in message


def test_a_new_key_is_shown_once_and_its_entry_admits_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["new", "alice"]) == 0
    shown = capsys.readouterr().out
    (key,) = re.findall(r"shown this once: (triage_[\w-]{43})$", shown, re.MULTILINE)
    (entry,) = re.findall(r"^(alice:[0-9a-f]{64})$", shown, re.MULTILINE)
    assert entry == "alice:" + hashlib.sha256(key.encode()).hexdigest()
    assert key_name(key.encode(), ServingSettings(api_keys=entry).api_keys) == "alice"
    assert shown.count(key) == 1
    assert new_key() != new_key()


@pytest.mark.parametrize("name", ["", "1st", "a b", "a:b", "x" * 65])
def test_a_bad_name_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["new", name])
    assert "must match" in capsys.readouterr().err


def test_several_entries_fit_one_variable() -> None:
    given = load_settings(environ={"TRIAGE_SERVING__API_KEYS": f"{MYKEY}, {OTHER}"})
    assert given.settings.serving.api_keys == (MYKEY, OTHER)


@pytest.mark.parametrize(
    "entries", ["triage_secret4711", "ci:secret4711", "[secret4711, 4711]", f"{MYKEY},{MYKEY}"]
)
def test_a_key_put_where_its_hash_belongs_is_not_repeated(entries: str) -> None:
    with pytest.raises(SettingsError, match="serving.api_keys") as caught:
        load_settings(environ={"TRIAGE_SERVING__API_KEYS": entries})
    assert "4711" not in str(caught.value)
    assert MYKEY not in str(caught.value)


def test_keys_cannot_be_required_where_there_are_none() -> None:
    with pytest.raises(SettingsError, match="require_key needs at least one entry in api_keys"):
        load_settings(environ={"TRIAGE_SERVING__REQUIRE_KEY": "true"})
