"""Start or stop the API in the background.     python -m e_apification.launch start|stop

It serves from a container where an engine answers, else from the virtual environment. What runs
already with the same code and settings is left alone; anything else that was started for this
RUN_DIR is replaced. A process follows the production model by itself, a container has it inside.
"""

import json
import logging
import sys
import time
import urllib.request
from contextlib import suppress

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
from e_apification.server.port import listen

STAGE, API, WORKER = "e_apification", "api.json", "worker.json"
_LOCK, _BUSY = ".api.lock", "another run_api or stop_api is at work; wait for it"
_LOAD_S = 10.0  # that a running server has to load another model
_EXAMPLE = '{"text": "My parcel should have been here on Monday"}'
logger = logging.getLogger("e_apification.launch")


def main() -> int:
    """Run the command line; returns the exit code."""
    summary = "Start or stop the API in the background."
    parser = stage_parser("e_apification.launch", summary, sections=["serving"])
    parser.add_argument("action", choices=["start", "stop"])
    args = parser.parse_args()
    return run_command(args, start if args.action == "start" else stop)


def start(settings: Settings) -> None:
    """Bring the API up to date, wait until it is ready (else a TriageError); say how to call it."""
    model_id = require_production_id(fetch_served(settings))
    key, url = _key(settings), settings.serving.url
    with exclusive(settings.paths.cache / _LOCK, busy=_BUSY):
        running = Running.read(settings.paths.cache / API)
        follows = running is not None and running.kind == "process"
        follow_s = settings.serving.follow_s + _LOAD_S if follows else 0
        if running and running.key == key and _serves(running, model_id, within_s=follow_s):
            logger.info("the API is up to date, nothing to do")
        else:
            if not (running and running.url == url and running.is_alive()):
                listen(settings.serving.host, settings.serving.port).close()
            running = _replace(settings, key=key, model_id=model_id)
        follow_with_worker(settings, served_by=running.kind)
    sys.stdout.write(
        f"\nThe API serves ({running.kind}). A page to try it: {url}/\n"
        f"  curl -X POST {url}/predict -H 'Content-Type: application/json' -d '{_EXAMPLE}'\n"
    )


def stop(settings: Settings) -> None:
    """Stop what ``start`` started for this RUN_DIR, and nothing else."""
    with exclusive(settings.paths.cache / _LOCK, busy=_BUSY):
        _stop(settings, WORKER)
        stopped = _stop(settings, API)
    logger.info("the API is stopped" if stopped else f"no API was started from {settings.run_dir}")


def follow_with_worker(settings: Settings, *, served_by: Kind) -> None:
    """Have a worker of these settings where keys allow /retrain and it sees the server's store."""
    wanted = settings.serving.api_keys and (served_by == "process" or settings.store.url)
    chosen, note = environment_of(settings), settings.paths.cache / WORKER
    common = sorted((ROOT / "common").rglob("*.py"))  # of which a stage counts only a part
    key = plan_stage("worker", code=["d_training.__main__"], settings=chosen, inputs=common).key
    running = Running.read(note)
    if wanted and running and running.key == key and running.is_alive():
        return
    _stop(settings, WORKER)
    if wanted:
        spawn(settings, "d_training", "worker", note=note, key=key)
        logger.info("a worker waits for /retrain; it writes to %s", note.with_suffix(".log"))


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
        running = spawn(settings, STAGE, note=note, key=key, url=serving.url)
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
    """Whether a server is ready with this model by then; asked past any proxy of the machine."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + within_s
    while running.is_alive():
        with suppress(OSError, ValueError), direct.open(running.url + "/ready", timeout=2) as body:
            if json.load(body).get("model_id") == model_id:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return False


def _stop(settings: Settings, name: str) -> bool:
    note = settings.paths.cache / name
    if running := Running.read(note):
        running.stop(patience_s=settings.serving.stop_s)
        note.unlink()
    return running is not None


def _key(settings: Settings) -> str:
    """Digest of the code, packages and settings that a server is started with."""
    rest = sorted([*(ROOT / STAGE / "static").iterdir(), *(ROOT / "common").rglob("*.py")])
    inputs = [ROOT / "Dockerfile", ROOT / "requirements_docker.txt", *rest]
    read = ("TRIAGE_SERVING", "TRIAGE_STORE", "TRIAGE_RUN_DIR")
    chosen = [item for item in environment_of(settings).items() if item[0].startswith(read)]
    return plan_stage(STAGE, code=[f"{STAGE}.__main__"], settings=chosen, inputs=inputs).key


if __name__ == "__main__":
    sys.exit(main())
