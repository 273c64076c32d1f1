"""Run a command to its end and measure it with all its descendants: wall, CPU, peak memory."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

SAMPLE_EVERY_S = 0.1


class Measured(NamedTuple):
    """One run. ``peak_rss_bytes`` sums the resident memory of the whole process tree."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


class CommandError(Exception):
    """The measured command ended with an error; the message ends with what it wrote."""


def run_measured(
    command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
) -> Measured:
    """Run ``command`` in ``cwd``, its output going to ``log``.

    CPU seconds are read while each process lives, so the last 0.1 s of a process can be missing.

    Raises:
        CommandError: if the command ends with another code than 0.
    """
    started = time.monotonic()
    cpu_s: dict[tuple[int, float], float] = {}
    peak_rss_bytes = 0
    with log.open("wb") as sink:
        process = psutil.Popen(command, cwd=cwd, stdout=sink, stderr=subprocess.STDOUT, env=env)
        while process.poll() is None:
            peak_rss_bytes = max(peak_rss_bytes, _sample(process, cpu_s))
            time.sleep(SAMPLE_EVERY_S)
    wall_s = time.monotonic() - started
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
        raise CommandError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Measured(wall_s, sum(cpu_s.values()), peak_rss_bytes)


def _sample(process: psutil.Process, cpu_s: dict[tuple[int, float], float]) -> int:
    """Note each living process's CPU seconds; return the tree's resident bytes now."""
    rss_bytes = 0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in tree:
        try:
            with member.oneshot():
                times = member.cpu_times()
                cpu_s[member.pid, member.create_time()] = times.user + times.system
                rss_bytes += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return rss_bytes
