"""What happens between a stop signal and the end of the process, on a real server."""

import http.client
import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.clock import scaled
from tests.e_apification.servers import server

SECRET = "secret4711"


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def half_a_request(port: int) -> socket.socket:
    """A request whose body has not come yet."""
    body = json.dumps({"text": SECRET}).encode()
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"X-API-Key: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body[:5]
    )
    time.sleep(0.2)
    return client


def test_it_says_so_and_goes_on_before_it_stops(models_dir: Path) -> None:
    with server(models_dir.parent, "serving.drain_delay_s=1.5") as (process, port):
        assert get(port, "/ready") == 200
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert [get(port, "/ready"), get(port, "/health"), get(port, "/metadata")] == [
            503,
            200,
            200,
        ]
        assert process.wait(10) == -signal.SIGTERM
        assert 1.4 < time.monotonic() - told < scaled(6)


@pytest.mark.slow
def test_several_processes_say_so_too(models_dir: Path) -> None:
    limits = ("serving.drain_delay_s=3", "serving.processes=2")
    with server(models_dir.parent, *limits) as (process, port):
        time.sleep(3)  # until the second one listens too
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert [get(port, "/ready") for _ in range(8)] == [503] * 8
        assert process.wait(20) == 0


def test_a_request_under_way_is_answered_and_nothing_of_it_is_logged(models_dir: Path) -> None:
    with server(models_dir.parent, stderr=subprocess.PIPE) as (process, port):
        client = half_a_request(port)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        client.sendall(json.dumps({"text": SECRET}).encode()[5:])
        answer = client.recv(65536)
        client.close()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert process.wait(10) == -signal.SIGTERM
        assert process.stderr
        said = process.stderr.read()
        assert "Shutting down" in said
        assert SECRET not in said


def test_a_request_that_never_ends_does_not_hold_the_server(models_dir: Path) -> None:
    limits = ("serving.drain_s=1", "serving.body_timeout_s=60")
    with server(models_dir.parent, *limits) as (process, port):
        client = half_a_request(port)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
        assert 0.9 < time.monotonic() - told < scaled(6)
        client.close()


def test_a_second_signal_does_not_wait(models_dir: Path) -> None:
    with server(models_dir.parent, "serving.drain_delay_s=60") as (process, _):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_with_json_logs_every_line_is_an_object_and_a_request_is_one(models_dir: Path) -> None:
    with server(models_dir.parent, "serving.log_format=json", stderr=subprocess.PIPE) as (
        process,
        port,
    ):
        client = half_a_request(port)
        client.close()
        assert get(port, "/experiments") == 200
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert process.stderr
        said = process.stderr.read()
    lines = [json.loads(line) for line in said.splitlines()]
    asked = [line for line in lines if line["message"] == "request"]
    assert {line["route"]: line["status"] for line in asked} == {
        "/experiments": 200,
        "/predict": 499,  # the client went away
    }
    assert all(len(line["request_id"]) == 16 for line in asked)
    assert SECRET not in said
