"""The worker of /retrain beside the API that run_api starts: the same settings, a log of its own.

Stage d is another program: it is started as ``python -m d_training worker`` and remembered in
RUN_DIR/.cache/worker.json. One that is asked to stop gives its job back to the store.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from common.config.schema import Settings
from common.config.settings import PREFIX, ROOT
from common.stage.files import write_atomically
from common.stage.plan import plan_stage
from e_apification.launch import process
from e_apification.launch.running import Kind

_STOP_S = 10.0  # it gives its job back, which takes one write to the store
logger = logging.getLogger(__name__)


class _Note(BaseModel):
    """What was started, and the digest of code and settings that it was started with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    pid: int
    started: float


def follow(settings: Settings, *, served_by: Kind) -> None:
    """Have a worker where /retrain can be asked for: one of these settings, and else none.

    None without API keys, as nobody may ask then; none beside a container whose store is a file
    inside it, as no worker would see it.
    """
    shared = served_by == "process" or settings.store.url is not None
    if not settings.serving.api_keys or not shared:
        stop(settings)
        return
    key = plan_stage(
        "worker", code=["d_training.__main__"], settings=_chosen(settings), inputs=()
    ).key
    note = _read(settings)
    if note is not None and note.key == key and _alive(note):
        return
    stop(settings)
    started = _spawn(settings)
    note = _Note(key=key, pid=started.pid, started=started.create_time())
    write_atomically(_path(settings), note.model_dump_json() + "\n")
    logger.info("a worker waits for /retrain; it writes to %s", _log(settings))


def stop(settings: Settings) -> None:
    """Stop the worker that was started from this RUN_DIR, if there is one."""
    note = _read(settings)
    if note is not None:
        found = process.find_process(note.pid, started=note.started)
        if found is not None:
            process.stop_process(found, patience_s=_STOP_S)
        _path(settings).unlink()


def _spawn(settings: Settings) -> psutil.Popen:
    """Start it so that it outlives this process; by environment, as settings hold secrets."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with _log(settings).open("w", encoding="utf-8") as output:
        return psutil.Popen(
            [sys.executable, "-m", "d_training", "worker", "--profile", settings.profile],
            cwd=ROOT,
            env=outside | _chosen(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _chosen(settings: Settings) -> dict[str, str]:
    """The settings as variables, but the run of the chain: each training is one of its own."""
    return {
        f"{PREFIX}{key.replace('.', '__').upper()}": json.dumps(value, ensure_ascii=False)
        for key, value in _flat(settings)
        if key not in ("profile", "tracking.pipeline")
    }


def _flat(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values that JSON can hold; files are looked for where they are now."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, SecretStr):
            yield prefix + name, value.get_secret_value()
        else:
            yield prefix + name, str(value.resolve()) if isinstance(value, Path) else value


def _alive(note: _Note) -> bool:
    return process.find_process(note.pid, started=note.started) is not None


def _read(settings: Settings) -> _Note | None:
    try:
        return _Note.model_validate_json(_path(settings).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _path(settings: Settings) -> Path:
    return settings.paths.cache / "worker.json"


def _log(settings: Settings) -> Path:
    return settings.paths.cache / "worker.log"
