"""What the tests of the Kaggle source share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config.ingestion import KaggleSettings
from tests.a_ingestion.kaggle_server import DATASET, KaggleServer, serve


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with an empty .kaggle, and no credentials in the environment."""
    for name in list(os.environ):
        if name.startswith("KAGGLE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.kaggle").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def kaggle(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    """The stand-in, which kagglesdk takes for api.kaggle.com, and credentials that it accepts."""
    from kagglesdk import kaggle_env

    monkeypatch.setenv("KAGGLE_USERNAME", "some-user")
    monkeypatch.setenv("KAGGLE_KEY", "secret-key-8841")
    with serve() as server:
        endpoints = {kaggle_env.KaggleEnv.PROD: server.endpoint}
        monkeypatch.setattr(kaggle_env, "_env_to_endpoint", endpoints)
        yield server


@pytest.fixture
def quick() -> KaggleSettings:
    """Settings that do not wait."""
    return KaggleSettings(dataset=DATASET, timeout_s=2, retries=3, backoff_s=0.01)
