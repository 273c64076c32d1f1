import json
import logging
from pathlib import Path

import pytest

from a_ingestion.kaggle.credentials import Credentials, config_folder, find_credentials
from common.errors import DataError


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def credentials() -> Credentials:
    found = find_credentials()
    assert found is not None
    return found


def test_none(home: Path) -> None:
    assert find_credentials() is None


def test_user_and_key_from_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "u")
    assert find_credentials() is None
    monkeypatch.setenv("KAGGLE_KEY", "k")
    found = credentials()
    assert (found.username, found.key, found.token) == ("u", "k", None)
    assert found.origin == "KAGGLE_USERNAME and KAGGLE_KEY"


def test_kaggle_json(home: Path) -> None:
    write(home / ".kaggle/kaggle.json", json.dumps({"username": "u", "key": "k"}))
    found = credentials()
    assert (found.username, found.key, found.token) == ("u", "k", None)
    assert found.origin == str(home / ".kaggle/kaggle.json")


def test_environment_goes_before_kaggle_json(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".kaggle/kaggle.json", json.dumps({"username": "u", "key": "k"}))
    monkeypatch.setenv("KAGGLE_USERNAME", "other")
    monkeypatch.setenv("KAGGLE_KEY", "key")
    assert credentials().username == "other"


def test_token_goes_before_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".kaggle/kaggle.json", json.dumps({"username": "u", "key": "k"}))
    write(home / ".kaggle/access_token", "from-file\n")
    assert credentials().token == "from-file"
    monkeypatch.setenv("KAGGLE_API_TOKEN", "from-environment")
    found = credentials()
    assert (found.token, found.origin, found.key) == ("from-environment", "KAGGLE_API_TOKEN", None)


def test_token_variable_may_name_a_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "token.txt", "from-file")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token.txt"))
    assert credentials().token == "from-file"


def test_token_that_is_longer_than_a_path_may_be(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "t" * 2_000)
    assert credentials().token == "t" * 2_000


def test_login_is_left_to_the_client(home: Path) -> None:
    write(home / ".kaggle/credentials.json", json.dumps({"refresh_token": "r"}))
    found = credentials()
    assert (found.token, found.key) == (None, None)
    assert found.origin == str(home / ".kaggle/credentials.json")


@pytest.mark.parametrize("content", ["", "{", "[]", '"k-5567"', '{"username": "k-5567"}'])
def test_broken_kaggle_json_is_named_but_not_quoted(home: Path, content: str) -> None:
    write(home / ".kaggle/kaggle.json", content)
    with pytest.raises(DataError) as error:
        find_credentials()
    assert str(error.value).startswith(f"{home}/.kaggle/kaggle.json does not hold a username")
    assert "k-5567" not in str(error.value)


@pytest.mark.parametrize("name", ["kaggle.json", "access_token", "credentials.json"])
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True)])
def test_file_that_others_can_read_is_warned_about(
    home: Path, caplog: pytest.LogCaptureFixture, name: str, mode: int, warned: bool
) -> None:
    write(home / ".kaggle" / name, json.dumps({"username": "u", "key": "k"}), mode)
    with caplog.at_level(logging.WARNING):
        assert find_credentials() is not None
    path = home / ".kaggle" / name
    expected = [f"other users can read {path}; run: chmod 600 {path}"] if warned else []
    assert caplog.messages == expected


def test_values_are_not_in_the_repr(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "u-5567")
    monkeypatch.setenv("KAGGLE_KEY", "k-5567")
    assert repr(find_credentials()) == "Credentials(origin='KAGGLE_USERNAME and KAGGLE_KEY')"


def test_config_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_folder() == home / ".kaggle"
    (home / ".kaggle").rmdir()
    assert config_folder() == home / ".config/kaggle"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x")
    assert str(config_folder()) == "/x/kaggle"
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", "/y")
    assert str(config_folder()) == "/y"
