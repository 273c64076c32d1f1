"""What run_api started: remembered in RUN_DIR/.cache/api.json, and asked over HTTP how it is."""

import json
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal
from urllib.error import URLError

from pydantic import BaseModel, ConfigDict, ValidationError

from common.config.schema import Settings
from common.errors import DataError
from common.locks import exclusive
from common.stage.files import write_atomically

Kind = Literal["process", "docker", "podman"]
_PROBE_S = 2.0


class Running(BaseModel):
    """What was started: a process by pid and start time, or the container of an engine.

    key: digest of the model, code, packages and settings that it was started with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    key: str
    url: str
    pid: int = 0
    started: float = 0


def one_at_a_time(settings: Settings) -> AbstractContextManager[None]:
    """Keep two launchers of one RUN_DIR apart; a TriageError where another one is at work."""
    return exclusive(
        settings.paths.cache / ".api.lock",
        busy="another run_api or stop_api is at work; wait for it",
    )


def read_state(settings: Settings) -> Running | None:
    """What was started from this RUN_DIR, alive or not; None where nothing was.

    Raises:
        DataError: if the note is damaged.
    """
    path = _state_path(settings)
    try:
        return Running.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise DataError(f"{path} is damaged; stop the API by hand and remove this file") from None


def write_state(settings: Settings, running: Running) -> None:
    """Remember what was started."""
    write_atomically(_state_path(settings), running.model_dump_json() + "\n")


def forget_state(settings: Settings) -> None:
    """Nothing runs any more."""
    _state_path(settings).unlink(missing_ok=True)


def server_url(settings: Settings) -> str:
    """Where this machine reaches the server."""
    host = settings.serving.host
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 nothing is bound
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.serving.port}"


def served_model_id(url: str) -> str | None:
    """The model that a ready server serves; None where none answers or it is not ready."""
    # Past any proxy that the environment names: the server is on this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for path in ("/health", "/ready"):
            with direct.open(url + path, timeout=_PROBE_S) as response:
                body = json.load(response)
    except (URLError, OSError, ValueError):
        return None
    return str(body.get("model_id")) if isinstance(body, dict) else None


def _state_path(settings: Settings) -> Path:
    return settings.paths.cache / "api.json"
