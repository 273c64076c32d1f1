"""What the browser tests share: a real server with the tests' model, and headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from common.settings import ROOT
from tests.e_apification.learning import ENTRY


@contextmanager
def serving(run_dir: Path, *settings: str) -> Iterator[str]:
    """The address of a server process over run_dir, which knows the key of the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "e_apification"]
    for item in (f"run_dir={run_dir}", f"serving.port={port}", *settings):
        command += ["--set", item]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")}
    environment["TRIAGE_SERVING__API_KEYS"] = ENTRY
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine; tests skip where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    # Its own sandbox needs rights that containers do not give; the pages are ours.
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
