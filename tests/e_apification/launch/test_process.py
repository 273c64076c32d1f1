import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from common.errors import TriageError
from e_apification.launch.process import find_process, require_free_port, stop_process


def test_a_pid_counts_only_with_its_start_time() -> None:
    started = psutil.Process().create_time()
    found = find_process(os.getpid(), started=started)
    assert found is not None and found.pid == os.getpid()
    assert find_process(os.getpid(), started=started - 60) is None
    assert find_process(2**22 + 1, started=started) is None


def spawn(code: str) -> psutil.Popen:
    process = psutil.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.stdout.close()
    return process


def test_stop_asks_first() -> None:
    polite = spawn("import time; print('up', flush=True); time.sleep(60)")
    stop_process(polite, patience_s=15)
    assert polite.wait(5) == -15


def test_stop_kills_what_does_not_listen() -> None:
    deaf = spawn(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); time.sleep(60)"
    )
    started = time.monotonic()
    stop_process(deaf, patience_s=0.3)
    assert deaf.wait(5) == -9
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 a port of the test
def test_a_free_port_is_free_and_a_held_one_is_not(host: str) -> None:
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(TriageError, match=rf"port {port} .* is not free: .*holds it"):
            require_free_port(host, port)
    require_free_port(host, port)
