"""A real server process over a run's models, for tests that stop, load or look at one."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.config.settings import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    run_dir: Path, *settings: str, stderr: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its port, once it is ready; killed at the end where it still runs."""
    port = free_port()
    command = [sys.executable, "-m", "e_apification"]
    for item in (f"run_dir={run_dir}", f"serving.port={port}", *settings):
        command += ["--set", item]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr, text=True)
    try:
        deadline = time.monotonic() + 120
        while not _ready(port):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait(10)
        if process.stderr:
            process.stderr.close()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
