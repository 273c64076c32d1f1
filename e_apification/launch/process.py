"""The API as a background process of the virtual environment, known by pid and start time."""

import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from common.config.schema import Settings
from common.config.settings import ROOT
from common.errors import TriageError

_CLOCK_STEP_S = 1.0
logger = logging.getLogger(__name__)


def spawn_server(settings: Settings, *, log: Path) -> psutil.Popen:
    """Start the server so that it outlives this process and its terminal; output goes to ``log``.

    It gets the effective settings, so that it does not matter where they came from.
    """
    chosen = {"run_dir": str(settings.run_dir.resolve())} | {
        f"serving.{name}": value
        for name, value in settings.serving.model_dump(mode="json", exclude_none=True).items()
    }
    command = [sys.executable, "-m", "e_apification", "--profile", settings.profile]
    for key, value in chosen.items():
        command += ["--set", f"{key}={json.dumps(value)}"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        return psutil.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def find_process(pid: int, *, started: float) -> psutil.Process | None:
    """The running process that has this pid and start time; a pid alone may be someone else's."""
    try:
        process = psutil.Process(pid)
        ours = abs(process.create_time() - started) < _CLOCK_STEP_S
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def stop_process(process: psutil.Process, *, patience_s: float) -> None:
    """Ask the server to finish what it answers, and end it where it takes too long."""
    try:
        process.terminate()
        process.wait(patience_s)
    except psutil.TimeoutExpired:
        logger.warning("the API did not stop within %g s; it is killed", patience_s)
        process.kill()
        process.wait(patience_s)
    except psutil.NoSuchProcess:
        return


def last_lines(log: Path, count: int) -> str:
    """What the server wrote last."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def require_free_port(host: str, port: int) -> None:
    """Check that nobody listens where we will.

    Raises:
        TriageError: naming the program that holds the port, as far as it can be seen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise TriageError(
                f"port {port} of {host} is not free: {_holder(port) or error.strerror}; "
                f"stop that program, or choose another port: make run_api PORT={port + 1}"
            ) from None


def _holder(port: int) -> str | None:
    """Who listens on a port, where the system tells."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port:
            try:
                name = psutil.Process(connection.pid).name() if connection.pid else "a program"
            except psutil.Error:
                name = "a program"
            return f"{name} (pid {connection.pid or 'unknown'}) holds it"
    return None
