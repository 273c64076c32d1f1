"""Start or stop the API in the background: python -m e_apification.launch start|stop.

Serves the production model of RUN_DIR with a container engine where one answers, else from the
virtual environment. What runs already with the same code and settings is left alone, as it follows
the production model by itself (a container has its model inside, and is replaced with it);
anything else that was started here is replaced. Prints how to call it. Where API keys are
configured the worker that trains for /retrain is started, and stopped, with it.
"""

import logging
import sys
import time

from common.config.schema import Settings
from common.config.settings import ROOT
from common.errors import TriageError
from common.models.model_source import fetch_served
from common.models.registry import POINTER, model_folder, require_production_id
from common.stage.manifest import MANIFEST
from common.stage.plan import plan_stage
from e_apification.launch import container, process, worker
from e_apification.launch.running import (
    Kind,
    Running,
    forget_state,
    one_at_a_time,
    read_state,
    served_model_id,
    server_url,
    write_state,
)

_POLL_S = 0.1
_LOAD_S = 10.0  # that a running server has to load another model
_TAIL_LINES = 5
logger = logging.getLogger("e_apification.launch")


def start(settings: Settings) -> None:
    """Bring the API up to date and wait until it is ready.

    Raises:
        TriageError: if there is no model, the port is taken, or the server does not get ready.
    """
    model_id = require_production_id(fetch_served(settings))
    with one_at_a_time(settings):
        running = read_state(settings)
        if running and _is_up_to_date(running, settings, model_id=model_id):
            logger.info("the API is up to date, nothing to do")
        else:
            if running is None or running.url != server_url(settings):
                process.require_free_port(settings.serving.host, settings.serving.port)
            engine = _build_image(settings, model_id=model_id)  # what runs serves on meanwhile
            if running:
                _stop(running, settings)
            running = _start(settings, engine=engine, model_id=model_id)
        worker.follow(settings, served_by=running.kind)
    _say_how_to_call(running)


def stop(settings: Settings) -> None:
    """Stop what ``start`` started for this RUN_DIR, and nothing else."""
    with one_at_a_time(settings):
        worker.stop(settings)
        running = read_state(settings)
        if running is None:
            logger.info("no API was started from %s", settings.run_dir.resolve())
            return
        was_alive = _is_alive(running)
        _stop(running, settings)
        logger.info("the API is stopped" if was_alive else "the API had stopped before")


def _build_image(settings: Settings, *, model_id: str) -> container.Engine | None:
    """Build with the engine that serves; None where the virtual environment does."""
    engine = container.find_engine(settings.serving.engine)
    if engine is None:
        return None
    log = settings.paths.cache / "api-build.log"
    try:
        container.build_image(engine, settings, model_id=model_id, log=log)
    except TriageError as error:
        _settle_for_venv(settings, error)
        return None
    return engine


def _start(settings: Settings, *, engine: container.Engine | None, model_id: str) -> Running:
    process.require_free_port(settings.serving.host, settings.serving.port)
    if engine is not None:
        try:
            return _start_container(engine, settings, model_id=model_id)
        except TriageError as error:
            _settle_for_venv(settings, error)
    return _start_process(settings, model_id=model_id)


def _settle_for_venv(settings: Settings, error: TriageError) -> None:
    """Say why no container serves; an error where one was asked for by name."""
    if settings.serving.engine != "auto":
        raise error
    logger.warning("%s; serving from the virtual environment instead", error)


def _start_container(engine: container.Engine, settings: Settings, *, model_id: str) -> Running:
    key = _key(settings, kind=engine, model_id=model_id)
    container.remove_container(engine, patience_s=settings.serving.stop_s)
    running = Running(kind=engine, key=key, url=server_url(settings))
    write_state(settings, running)
    try:
        container.run_container(engine, settings, key=key)
        _wait(running, settings, model_id=model_id)
    except TriageError as error:
        said = container.last_lines(engine, _TAIL_LINES)
        _stop(running, settings)
        raise TriageError(f"{error}; its last lines:\n{said}") from None
    return running


def _start_process(settings: Settings, *, model_id: str) -> Running:
    log = settings.paths.cache / "api.log"
    server = process.spawn_server(settings, log=log)
    running = Running(
        kind="process",
        key=_key(settings, kind="process", model_id=model_id),
        url=server_url(settings),
        pid=server.pid,
        started=server.create_time(),
    )
    write_state(settings, running)
    try:
        _wait(running, settings, model_id=model_id)
    except TriageError as error:
        _stop(running, settings)
        raise TriageError(
            f"{error}; the last lines of {log}:\n{process.last_lines(log, _TAIL_LINES)}"
        ) from None
    return running


def _wait(running: Running, settings: Settings, *, model_id: str) -> None:
    """Poll until our server is ready with the model that it should serve."""
    limit_s = settings.serving.start_timeout_s
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if served_model_id(running.url) == model_id and _is_alive(running):
            return
        if not _is_alive(running):
            raise TriageError("the API ended as it started")
        time.sleep(_POLL_S)
    raise TriageError(f"the API was not ready after {limit_s:g} s (serving.start_timeout_s)")


def _is_up_to_date(running: Running, settings: Settings, *, model_id: str) -> bool:
    if running.key != _key(settings, kind=running.kind, model_id=model_id):
        return False
    follows = running.kind == "process"
    deadline = time.monotonic() + (settings.serving.follow_s + _LOAD_S if follows else 0)
    while _is_alive(running):
        if served_model_id(running.url) == model_id:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return False


def _is_alive(running: Running) -> bool:
    if running.kind == "process":
        return process.find_process(running.pid, started=running.started) is not None
    return container.running_key(running.kind) == running.key


def _stop(running: Running, settings: Settings) -> None:
    if running.kind == "process":
        found = process.find_process(running.pid, started=running.started)
        if found is not None:
            process.stop_process(found, patience_s=settings.serving.stop_s)
    else:
        container.remove_container(running.kind, patience_s=settings.serving.stop_s)
    forget_state(settings)


def _key(settings: Settings, *, kind: Kind, model_id: str) -> str:
    """Digest of code, packages and settings that a server is started with, and a model inside."""
    models = settings.served_models
    inputs = [ROOT / "Dockerfile", ROOT / "requirements_docker.txt"]
    if kind != "process":
        inputs += [models / POINTER, model_folder(models, model_id) / MANIFEST]
    inputs += sorted((ROOT / "e_apification" / "static").iterdir())  # no code to plan_stage
    spoken = settings.serving.model_dump(mode="json", exclude={"start_timeout_s"})
    return plan_stage(
        "e_apification", code=["e_apification.__main__"], settings=spoken, inputs=inputs
    ).key


def _say_how_to_call(running: Running) -> None:
    example = '{"text": "My parcel should have been here on Monday"}'
    sys.stdout.write(
        f"\nThe API serves ({running.kind}). A page to try it: {running.url}/\n"
        f"  curl -X POST {running.url}/predict -H 'Content-Type: application/json' -d '{example}'\n"
    )
