"""The real server process, spoken to over a socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from common.config.settings import ROOT
from tests.clock import scaled


class Server(NamedTuple):
    process: subprocess.Popen[str]
    port: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(run_dir: Path, *settings: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "e_apification"]
    for item in (f"run_dir={run_dir}", f"serving.port={port}", *settings):
        command += ["--set", item]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    return Server(process, port)


@pytest.fixture(scope="module")
def server(models_dir: Path) -> Iterator[Server]:
    started = start(models_dir.parent, "serving.max_body_mb=1", "serving.body_timeout_s=1")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", started.port), timeout=1).close()
            break
        except OSError:
            assert started.process.poll() is None
            time.sleep(0.1)
    yield started
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(20) == -signal.SIGTERM
    assert started.process.stderr
    started.process.stderr.close()


def raw(server: Server, request: bytes, *, more: bytes = b"", times: int = 0) -> bytes:
    """Send bytes, keep sending ``more``, and give what comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        try:
            for _ in range(times):
                connection.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has heard enough
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_it_serves_on_one_connection_after_another_request(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        body = json.dumps({"text": "refund"})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert json.load(response)["label"] == "billing"
        assert response.headers["server"] is None
    connection.close()


def test_an_endless_chunked_body_is_cut_off(server: Server) -> None:
    chunk = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    answer = raw(server, POST + b"Transfer-Encoding: chunked\r\n\r\n", more=chunk, times=2000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")


def test_a_length_over_the_limit_is_refused_whatever_comes(server: Server) -> None:
    answer = raw(server, POST + b"Content-Length: 99999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "payload_too_large"' in answer


def test_who_sends_a_line_of_50_mb_is_told_why_it_is_refused(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = b"text,label\n" + b"a" * 50_000_000
    connection.request("POST", "/evaluate", body, {"Content-Type": "text/csv"})
    response = connection.getresponse()
    assert (response.status, response.headers["connection"]) == (413, "close")
    assert json.load(response)["error"]["code"] == "payload_too_large"
    connection.close()


def test_who_asks_before_sending_is_refused_at_once(server: Server) -> None:
    started = time.monotonic()
    answer = raw(server, POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - started < scaled(0.8)


def test_a_body_that_stops_coming_is_given_up(server: Server) -> None:
    started = time.monotonic()
    answer = raw(server, POST + b'Content-Length: 100\r\n\r\n{"text": "')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.8 < time.monotonic() - started < scaled(8)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_http_harms_nobody(server: Server, request_bytes: bytes) -> None:
    answer = raw(server, request_bytes + b"Connection: close\r\n\r\n")
    assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.1 2"))
    test_it_serves_on_one_connection_after_another_request(server)


def test_without_a_model_it_ends_with_one_readable_line(tmp_path: Path) -> None:
    process = start(tmp_path).process
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no model was promoted" in said
    assert "make train_model" in said
    assert "Traceback" not in said
