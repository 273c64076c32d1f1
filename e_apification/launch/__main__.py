"""Start or stop the API in the background.     python -m e_apification.launch start|stop

It serves from a container where an engine answers, else from the virtual environment. What runs
already with the same code and settings is left alone; anything else that was started for this
RUN_DIR is replaced. A process follows the production model by itself, a container has it inside.
"""

import json
import logging
import socket
import sys
import time
import urllib.request
from contextlib import suppress

import psutil

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.config.settings import ROOT, environment_of
from common.errors import TriageError
from common.locks import exclusive
from common.models.model_source import fetch_served
from common.models.registry import require_production_id
from common.stage.plan import plan_stage
from e_apification.launch import container
from e_apification.launch.running import Kind, Running, spawn

API, WORKER = "api.json", "worker.json"
_POLL_S, _PROBE_S = 0.1, 2.0
_LOAD_S = 10.0  # that a running server has to load another model
_EXAMPLE = '{"text": "My parcel should have been here on Monday"}'
_COMMON = sorted((ROOT / "common").rglob("*.py"))  # a server restarts for any change in it
logger = logging.getLogger("e_apification.launch")


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Start or stop the API in the background."
    parser = stage_parser("e_apification.launch", summary, sections=["serving"])
    parser.add_argument("action", choices=["start", "stop"])
    args = parser.parse_args()

    def act(settings: Settings) -> None:
        busy = "another run_api or stop_api is at work; wait for it"
        with exclusive(settings.paths.cache / ".api.lock", busy=busy):
            (start if args.action == "start" else stop)(settings)

    return run_command(args, act)


def start(settings: Settings) -> None:
    """Bring the API up to date, wait until it is ready, and print how to call it.

    Raises:
        TriageError: if there is no model, the port is taken, or the server does not get ready.
    """
    model_id = require_production_id(fetch_served(settings))
    key, url = _key(settings), settings.serving.url
    running = Running.read(settings.paths.cache / API)
    follows = running is not None and running.kind == "process"
    patience_s = settings.serving.follow_s + _LOAD_S if follows else 0
    if running and running.key == key and _serves(running, model_id, within_s=patience_s):
        logger.info("the API is up to date, nothing to do")
    else:
        if not (running and running.url == url and running.is_alive()):
            require_free_port(settings.serving.host, settings.serving.port)
        running = _replace(settings, key=key, model_id=model_id)
    follow_with_worker(settings, served_by=running.kind)
    sys.stdout.write(
        f"\nThe API serves ({running.kind}). A page to try it: {url}/\n"
        f"  curl -X POST {url}/predict -H 'Content-Type: application/json' -d '{_EXAMPLE}'\n"
    )


def stop(settings: Settings) -> None:
    """Stop what ``start`` started for this RUN_DIR, and nothing else."""
    _stop(settings, WORKER)
    nothing = f"no API was started from {settings.run_dir.resolve()}"
    logger.info("the API is stopped" if _stop(settings, API) else nothing)


def follow_with_worker(settings: Settings, *, served_by: Kind) -> None:
    """Have a worker where /retrain can be asked for: one of these settings, and else none.

    None without API keys, as nobody may ask then; none beside a container whose store is a file
    inside it, as no worker would see it.
    """
    wanted = settings.serving.api_keys and (served_by == "process" or settings.store.url)
    chosen, note = environment_of(settings), settings.paths.cache / WORKER
    code = ["d_training.__main__"]
    key = plan_stage("worker", code=code, settings=chosen, inputs=_COMMON).key
    running = Running.read(note)
    if wanted and running and running.key == key and running.is_alive():
        return
    _stop(settings, WORKER)
    if wanted:
        spawn(settings, "d_training", "worker", note=note, key=key)
        logger.info("a worker waits for /retrain; it writes to %s", note.with_suffix(".log"))


def served_model_id(url: str) -> str | None:
    """The model that a ready server serves; None where none answers or it is not ready."""
    # Past any proxy that the environment names: the server is on this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/ready", timeout=_PROBE_S) as response:
            return str(json.load(response)["model_id"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def require_free_port(host: str, port: int) -> None:
    """Check that nobody listens where we will; a TriageError names who does, where that shows."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise TriageError(
            f"port {port} of {host} is not free: {_holder(port) or error.strerror}; "
            f"stop that program, or choose another port: make run_api PORT={port + 1}"
        ) from None


def _holder(port: int) -> str | None:
    with suppress(psutil.Error):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr[1:2] == (port,):
                name = psutil.Process(found.pid).name() if found.pid else "a program"
                return f"{name} (pid {found.pid or 'unknown'}) holds it"
    return None


def _replace(settings: Settings, *, key: str, model_id: str) -> Running:
    """Serve from a container where that can be; what runs serves on while the image is built."""
    try:
        engine = container.find_engine(settings.serving.engine)
        if engine is not None:
            log = settings.paths.cache / "api-build.log"
            logger.info("building the image with %s (about a minute the first time)", engine)
            container.build_image(engine, settings, model_id=model_id, log=log)
            return _serve(settings, engine, key=key, model_id=model_id)
    except TriageError as error:
        if settings.serving.engine != "auto":
            raise
        logger.warning("%s; serving from the virtual environment instead", error)
    return _serve(settings, "process", key=key, model_id=model_id)


def _serve(settings: Settings, kind: Kind, *, key: str, model_id: str) -> Running:
    """Stop what serves, start a server, and wait until it is ready with this model."""
    serving, note = settings.serving, settings.paths.cache / API
    _stop(settings, API)
    if kind == "process":
        running = spawn(settings, "e_apification", note=note, key=key, url=serving.url)
    else:
        container.remove_container(kind, patience_s=serving.stop_s)  # of another RUN_DIR
        running = Running(kind=kind, key=key, url=serving.url).write(note)
        container.run_container(kind, settings, key=key)
    if _serves(running, model_id, within_s=serving.start_timeout_s):
        return running
    late = f"the API was not ready after {serving.start_timeout_s:g} s (serving.start_timeout_s)"
    problem = late if running.is_alive() else "the API ended as it started"
    written = running.last_lines(note)
    _stop(settings, API)
    raise TriageError(f"{problem}; its last lines:\n{written}")


def _serves(running: Running, model_id: str, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while running.is_alive():
        if served_model_id(running.url) == model_id:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return False


def _stop(settings: Settings, name: str) -> bool:
    note = settings.paths.cache / name
    if running := Running.read(note):
        running.stop(patience_s=settings.serving.stop_s)
        note.unlink()
    return running is not None


def _key(settings: Settings) -> str:
    """Digest of the code, packages and settings that a server is started with."""
    inputs = [ROOT / "Dockerfile", ROOT / "requirements_docker.txt", *_COMMON]
    inputs += sorted((ROOT / "e_apification" / "static").iterdir())  # no code to plan_stage
    sections = ("TRIAGE_SERVING", "TRIAGE_STORE")
    chosen = [item for item in environment_of(settings).items() if item[0].startswith(sections)]
    code = ["e_apification.__main__"]
    return plan_stage("e_apification", code=code, settings=chosen, inputs=inputs).key


if __name__ == "__main__":
    sys.exit(main())
