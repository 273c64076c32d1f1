"""Serving speed: the original design and this project, one process each, eight connections.

    python -m benchmarks.serving

Prints a table and writes benchmarks/results/serving.json: requests a second, latencies, memory
under load, and how fast /ready answers meanwhile.
"""

import argparse
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from a_ingestion.sample import write_sample
from benchmarks.serving.load import Load, put_load
from benchmarks.serving.student import find_student
from common.artifacts import write_atomically
from common.log import configure_logging
from common.settings import ROOT, load_settings

CACHE = ROOT / ".cache" / "benchmarks"
RESULT = ROOT / "benchmarks" / "results" / "serving.json"
TEXTS = 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of load, after a warm-up")
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    configure_logging()
    student = find_student(load_settings().settings, cache=CACHE)
    texts = sample_texts(TEXTS)
    run_dir = str(student.run_dir.resolve())
    sides = [
        ("original design: torch BERT-base, padded to 128", ["benchmarks.serving.original"]),
        (f"this project: {student.what}", ["e_apification", "--set", f"run_dir={run_dir}"]),
    ]
    options = {"connections": args.connections, "seconds": args.seconds}
    rows = [measure(name, module, texts, **options) for name, module in sides]
    print(f"{args.connections} connections, one server process, {os.cpu_count()} cores, "
          f"load by {rows[0]['client']}\n")  # fmt: skip
    print("| what | req/s | ratio | p50 ms | p99 ms | errors | memory MB | /ready p99 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        ratio = row["requests_per_s"] / rows[0]["requests_per_s"]
        print(f"| {row['what']} | {row['requests_per_s']:.1f} | {ratio:.0f} | {row['p50_ms']:.1f} "
              f"| {row['p99_ms']:.1f} | {row['errors']} | {row['memory_mb']:.0f} "
              f"| {row['ready_p99_ms']:.1f} |")  # fmt: skip
    report = {"cores": os.cpu_count(), **options, "rows": rows}
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")


def measure(
    what: str, module: Sequence[str], texts: Sequence[str], *, connections: int, seconds: float
) -> dict[str, Any]:
    """Start a server, warm it up, load it, and note its memory and how fast /ready answers."""
    with server(module) as (process, port):
        put_load(port, texts, connections=connections, seconds=3)
        with watch_ready(port) as waits_ms:
            load: Load = put_load(port, texts, connections=connections, seconds=seconds)
        memory_mb = process.memory_info().rss / 1e6
    return {
        "what": what,
        "client": load.client,
        "requests_per_s": round(load.rate, 2),
        "p50_ms": round(load.p50_ms, 2),
        "p99_ms": round(load.p99_ms, 2),
        "errors": load.errors,
        "memory_mb": round(memory_mb, 1),
        "ready_p99_ms": round(sorted(waits_ms)[int(0.99 * (len(waits_ms) - 1))], 2),
    }


@contextmanager
def server(module: Sequence[str]) -> Iterator[tuple[psutil.Popen, int]]:
    """A server process on a free port, ready; ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = module[0] == "e_apification"
    chosen = ["--set", f"serving.port={port}"] if ours else ["--port", str(port)]
    process = psutil.Popen(
        [sys.executable, "-m", *module, *chosen], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{module[0]} does not get ready; run it alone to see why")
            time.sleep(0.2)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def watch_ready(port: int) -> Iterator[list[float]]:
    """Ask /ready ten times a second; milliseconds of each answer."""
    waits_ms: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.1) or not waits_ms:
            started = time.perf_counter()
            _ready(port)
            waits_ms.append(1e3 * (time.perf_counter() - started))

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield waits_ms
    finally:
        done.set()
        asker.join()


def sample_texts(count: int) -> list[str]:
    """Distinct raw messages of the sample generator."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), rows=12 * count + 100, seed=7)
        with (Path(folder) / "gold.csv").open(encoding="utf-8", newline="") as file:
            return list(dict.fromkeys(row["text"] for row in csv.DictReader(file)))[:count]


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=30) as response:
            return bool(response.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
