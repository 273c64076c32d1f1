import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from a_ingestion.kaggle.client import open_archive
from a_ingestion.kaggle.credentials import Credentials, find_credentials
from common.errors import DataError
from tests.a_ingestion.kaggle_server import DATASET, DOWNLOAD, RENEW, KaggleServer, Stall, Status


def fetch(credentials: Credentials | None, **headers: str) -> bytes:
    with open_archive(DATASET, credentials=credentials, timeout_s=2, headers=headers) as response:
        return response.content


@pytest.fixture
def login(kaggle: KaggleServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `kaggle auth login` leaves behind, as the only credentials."""
    monkeypatch.delenv("KAGGLE_KEY")
    path = home / ".kaggle/credentials.json"

    def write(**content: str) -> None:
        path.write_text(json.dumps(content))
        path.chmod(0o600)

    return write


def test_asks_kaggle_and_follows_to_the_storage(kaggle: KaggleServer) -> None:
    assert fetch(find_credentials()) == kaggle.archive
    post, get = kaggle.requests
    assert (post.method, post.path, get.method) == ("POST", DOWNLOAD, "GET")
    assert post.body == {"ownerSlug": "owner", "datasetSlug": "support-messages"}
    basic = base64.b64encode(b"some-user:secret-key-8841").decode()
    assert post.headers["Authorization"] == f"Basic {basic}"


def test_storage_gets_the_range_but_no_credentials(kaggle: KaggleServer) -> None:
    assert fetch(find_credentials(), Range="bytes=100-") == kaggle.archive[100:]
    post, get = kaggle.requests
    assert "Range" not in post.headers
    assert get.headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in get.headers


def test_token_is_sent_as_bearer(kaggle: KaggleServer) -> None:
    fetch(Credentials("here", token="token-3310"))
    assert kaggle.requests[0].headers["Authorization"] == "Bearer token-3310"


def test_nobody_sends_no_credentials(kaggle: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    fetch(None)
    assert "Authorization" not in kaggle.requests[0].headers


def test_login_is_renewed_by_the_client(kaggle: KaggleServer, login: Any) -> None:
    login(refresh_token="refresh-9", username="some-user")
    fetch(find_credentials())
    renew, post, _ = kaggle.requests
    assert (renew.path, renew.body["refreshToken"]) == (RENEW, "refresh-9")
    assert post.headers["Authorization"] == "Bearer renewed-token-5512"


def test_damaged_login(login: Any, home: Path) -> None:
    login(refresh_token="r", access_token_expiration="soon")
    with pytest.raises(DataError) as error:
        fetch(find_credentials())
    assert str(error.value) == f"{home}/.kaggle/credentials.json is damaged; run: kaggle auth login"


def test_silence_ends_by_the_timeout(kaggle: KaggleServer) -> None:
    kaggle.storage.append(Stall(10))
    with (
        pytest.raises(requests.ConnectionError),
        open_archive(DATASET, credentials=None, timeout_s=0.2, headers={}) as response,
    ):
        response.content  # noqa: B018 - reads the body


def test_refusal_is_raised(kaggle: KaggleServer) -> None:
    kaggle.api.append(Status(403))
    with pytest.raises(requests.HTTPError) as error:
        fetch(find_credentials())
    assert error.value.response.status_code == 403
