"""Several server processes on one port: started, watched, replaced and stopped together.

They share one listening socket, so that a connection waits in one queue whichever process takes
it. Each loads the model and follows production.json by itself.

uvicorn's own supervisor (0.54) was measured in their place. Its children run a server that cannot
be replaced: /ready never turns to 503, and serving.drain_delay_s does nothing. Children of a killed
parent live on and hold the port. Without a model it ends with exit code 0, after each child has
said so. The gauges of a process that died stay in /metrics. The tests beside ask for all four.
"""

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event

from prometheus_client.multiprocess import mark_process_dead

from common.config.schema import Settings
from common.errors import TriageError
from common.log import configure_logging
from e_apification.api.app import create_app, load_production
from e_apification.monitoring.telemetry import SHARED
from e_apification.server.drain import run_server
from e_apification.server.port import listen

_LOOK_S = 0.1
_REPLACE_AFTER_S = 1.0  # what cannot start is not tried in a busy loop
logger = logging.getLogger(__name__)


def run_processes(settings: Settings) -> None:
    """Serve in ``serving.processes`` processes until a stop signal comes.

    Raises:
        TriageError: if the first of them cannot start, or the port is taken.
    """
    serving = settings.serving
    context = multiprocessing.get_context("spawn")  # a fork would copy ONNX Runtime's threads
    with (
        listen(serving.host, serving.port) as listener,
        _shared_counts() as counts,
        _stop_signal() as stop,
    ):

        def start() -> SpawnProcess:
            process = context.Process(
                target=_serve, args=(settings, listener, started, os.getpid())
            )
            process.start()
            return process

        started = context.Event()
        running = [start()]
        try:
            while not started.is_set() and not stop.is_set():
                if not running[0].is_alive():
                    raise TriageError("the server cannot start; the lines above say why")
                time.sleep(_LOOK_S)
            running += [start() for _ in range(serving.processes - 1) if not stop.is_set()]
            while not stop.is_set():
                time.sleep(_LOOK_S)
                for place, process in enumerate(running):
                    if not process.is_alive():
                        logger.error("a server process ended (%s), replaced", process.exitcode)
                        mark_process_dead(process.pid, counts)
                        time.sleep(_REPLACE_AFTER_S)
                        running[place] = start()
        finally:
            _stop(running, patience_s=serving.stop_s)


@contextmanager
def _shared_counts() -> Iterator[str]:
    """A folder where the processes keep what they count, in memory where that is at hand."""
    memory = "/dev/shm"  # noqa: S108 a container may have nothing else to write to
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="message-triage-", dir=place) as folder:
        os.environ[SHARED] = folder  # read by prometheus_client as a process imports it
        try:
            yield folder
        finally:
            del os.environ[SHARED]


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Set once SIGTERM or SIGINT came."""
    came = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: came.set()) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(settings: Settings, listener: socket.socket, started: Event, parent: int) -> None:
    """What each process runs, in a session of its own, so that Ctrl-C comes through us alone."""
    os.setsid()
    configure_logging(as_json=settings.serving.log_format == "json")
    try:
        predictor = load_production(settings)
    except TriageError as error:
        logger.error("%s", error)
        sys.exit(error.exit_code)
    app = create_app(settings, load=lambda _: predictor)
    run_server(app, settings.serving, listener=listener, started=started.set, parent=parent)
    if os.getppid() != parent:  # it was killed, and cannot tidy up
        shutil.rmtree(os.environ[SHARED], ignore_errors=True)


def _stop(running: list[SpawnProcess], *, patience_s: float) -> None:
    for process in running:
        process.terminate()
    deadline = time.monotonic() + patience_s
    for process in running:
        process.join(max(0, deadline - time.monotonic()))
        if process.is_alive():
            logger.warning("a server process did not stop within %g s; it is killed", patience_s)
            process.kill()
            process.join()
