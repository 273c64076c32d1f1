"""A Spark cluster on one machine: a master here, workers in network namespaces of their own.

Each worker has an address, a host name, and mounts: the folders ``hidden`` are empty there, so that
what works has come from the driver or lies on the disk that all share.
"""

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyspark

from common.runtime.java import find_java_home

SPARK_HOME = Path(pyspark.__file__).parent
NET = "10.203.7"
HERE = f"{NET}.1"
_READY_S = 180


def missing() -> str:
    """Why there can be no cluster here; empty where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with _bridge("triage-try"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces here ({error})"


class Cluster:
    """A master and two workers of one core each, as long as the context lasts."""

    def __init__(self, folder: Path, *, hidden: Sequence[Path]) -> None:
        self._folder, self._hidden = folder, hidden
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self.master = f"spark://{HERE}:{_free_port()}"

    def __enter__(self) -> Self:
        with ExitStack() as started:
            bridge = started.enter_context(_bridge(f"triage{os.getpid()}"))
            self._namespaces = [
                started.enter_context(_namespace(bridge, number)) for number in (1, 2)
            ]
            for number in (1, 2):
                started.callback(self.kill_worker, number)
            port = self.master.rpartition(":")[2]
            options = ("--host", HERE, "--port", port, "--webui-port", "0")
            master = self._spark("master", [], "org.apache.spark.deploy.master.Master", *options)
            started.callback(_end, master)
            _wait_for(int(port))
            for number in (1, 2):
                self.start_worker(number)
            self._stack = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start_worker(self, number: int) -> None:
        """Start a worker, and wait until the master has it."""
        name = self._namespaces[number - 1]
        address = f"{NET}.{10 + number}"
        hide = "".join(f"mount -t tmpfs none {shlex.quote(str(f))}; " for f in self._hidden)
        hosts = self._folder / "hosts"
        names = {HERE: "driver", f"{NET}.11": "worker-1", f"{NET}.12": "worker-2"}
        hosts.write_text("".join(f"{a} {host}\n" for a, host in names.items()), encoding="utf-8")
        hide += f"mount --bind {shlex.quote(str(hosts))} /etc/hosts; "
        inside = f'set -e; hostname worker-{number}; {hide}exec "$@"'
        enter = ["ip", "netns", "exec", name, "unshare", "--mount", "--uts"]
        self._workers[number] = self._spark(
            f"worker-{number}",
            [*enter, "bash", "-c", inside, "worker"],
            "org.apache.spark.deploy.worker.Worker",
            *("--host", address, "--cores", "1", "--memory", "1g", "--webui-port", "0"),
            *("--work-dir", str(self._folder / f"work-{number}"), self.master),
        )
        deadline = time.monotonic() + _READY_S
        registered = f"Registering worker {address}:"
        before = self._log("master").count(registered)
        while self._log("master").count(registered) == before:
            assert time.monotonic() < deadline, self._log(f"worker-{number}")
            time.sleep(0.1)

    def kill_worker(self, number: int) -> None:
        """SIGKILL all that runs on a worker's machine."""
        name = self._namespaces[number - 1]
        listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
        for pid in map(int, listed.stdout.split()):
            with suppress(ProcessLookupError):  # one that its parent's end has ended
                os.kill(pid, signal.SIGKILL)
        if number in self._workers:
            self._workers.pop(number).wait()

    def environment(self) -> dict[str, str]:
        """Of a driver on this machine."""
        return self._clean() | {"SPARK_LOCAL_IP": HERE}

    @staticmethod
    def _clean() -> dict[str, str]:
        """What decides how NumPy computes, and no more than that of Spark and Python."""
        ours = ("SPARK_", "PYSPARK_", "PYTHON", "TRIAGE_")
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)}

    def _spark(self, name: str, enter: Sequence[str], *words: str) -> subprocess.Popen[bytes]:
        environment = self._clean() | {
            "SPARK_HOME": str(SPARK_HOME),
            "JAVA_HOME": str(find_java_home()),
            "SPARK_DAEMON_MEMORY": "256m",
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*enter, str(SPARK_HOME / "bin" / "spark-class"), *words],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def _bridge(name: str) -> Iterator[str]:
    _ip("link", "add", name, "type", "bridge")
    try:
        _ip("addr", "add", f"{HERE}/24", "dev", name)
        _ip("link", "set", name, "up")
        yield name
    finally:
        _ip("link", "del", name)


@contextmanager
def _namespace(bridge: str, number: int) -> Iterator[str]:
    name, here = f"{bridge}-{number}", f"{bridge}v{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", here, "master", bridge, "up")
        _ip("-n", name, "addr", "add", f"{NET}.{10 + number}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", name, "link", "set", device, "up")
        yield name
    finally:
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            socket.create_connection((HERE, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "no master in three minutes"
            time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
