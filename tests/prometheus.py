"""Debian's Prometheus, started by tests with the configuration of deploy/prometheus."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e_apification.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "prometheus"


def program(name: str) -> str:
    """Where Debian's package has put it; without it the test skips."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH: apt-get install prometheus")
    return found


class Prometheus:
    """A server that runs, by its HTTP API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **asked: object) -> Any:
        """The data of an answer."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]

    def query(self, expression: str, *, rate_s: int) -> dict[tuple[tuple[str, str], ...], float]:
        """The present values by their labels; Grafana's $__rate_interval is rate_s seconds."""
        expression = expression.replace("$__rate_interval", f"{rate_s}s")
        found = self.get("query", query=expression)
        series = found["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in series}


@contextmanager
def prometheus(folder: Path, *, api: list[str], every_s: int) -> Iterator[Prometheus]:
    """Start one that asks ``api``, not the stack's addresses; its data is kept in folder."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": f"{every_s}s", "evaluation_interval": f"{every_s}s"}
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    config["scrape_configs"] = [{"job_name": "api", "static_configs": [{"targets": api}]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    command = [program("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
    try:
        started = Prometheus(port)
        _wait(started, process)
        yield started
    finally:
        process.terminate()
        process.wait(30)


def _wait(started: Prometheus, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < deadline
        try:
            with urllib.request.urlopen(f"{started.url}/-/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
