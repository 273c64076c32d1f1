"""Serving speed: the original design and this project, eight connections.

    python -m benchmarks.serving

Prints a table and writes benchmarks/results/serving.json: requests a second, latencies, memory
under load, how fast /ready answers meanwhile, and seconds from the command to the first /ready.
Below it: the same ONNX session without a server, /batch_predict, and two server processes.
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
from benchmarks.serving.bare import bare_loops
from benchmarks.serving.load import Load, put_load
from benchmarks.serving.student import find_student
from common.config.settings import ROOT, load_settings
from common.log import configure_logging
from common.stage.files import write_atomically

CACHE = ROOT / ".cache" / "benchmarks"
RESULT = ROOT / "benchmarks" / "results" / "serving.json"
TEXTS, BATCH = 500, 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of load, after a warm-up")
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    configure_logging()
    settings = load_settings().settings
    student = find_student(settings, cache=CACHE)
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
    print(
        "| what | req/s | ratio | p50 ms | p99 ms | errors | memory MB | /ready p99 ms | start s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        ratio = row["requests_per_s"] / rows[0]["requests_per_s"]
        print(f"| {row['what']} | {row['requests_per_s']:.1f} | {ratio:.0f} | {row['p50_ms']:.1f} "
              f"| {row['p99_ms']:.1f} | {row['errors']} | {row['memory_mb']:.0f} "
              f"| {row['ready_p99_ms']:.1f} | {row['start_s']:.1f} |")  # fmt: skip
    ours, module = rows[1]["requests_per_s"], sides[1][1]
    own = settings.model_copy(update={"run_dir": student.run_dir})
    more = {
        "bare_texts_per_s": round(bare_loops(own, texts, seconds=args.seconds), 1),
        "batch_texts_per_s": round(in_batches(module, texts, seconds=args.seconds), 1),
        "two_processes_requests_per_s": measure(
            "two processes", [*module, "--set", "serving.processes=2"], texts, **options
        )["requests_per_s"],
    }
    share = ours / more["bare_texts_per_s"]
    print(f"\nThe same ONNX session without a server: {more['bare_texts_per_s']:.1f} texts/s; "
          f"the server answers {share:.2f} of that.\n"
          f"/batch_predict, {BATCH} texts a request: {more['batch_texts_per_s']:.1f} texts/s.\n"
          f"Two server processes: {more['two_processes_requests_per_s']:.1f} req/s.")  # fmt: skip
    report = {"cores": os.cpu_count(), **options, "rows": rows, **more}
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")


def in_batches(module: Sequence[str], texts: Sequence[str], *, seconds: float) -> float:
    """Texts a second of /batch_predict, two requests at a time."""
    bodies = [{"texts": texts[i : i + BATCH]} for i in range(0, len(texts), BATCH)]
    with server(module) as (_, port, _):
        put_load(port, "/batch_predict", bodies, connections=2, seconds=3)
        load = put_load(port, "/batch_predict", bodies, connections=2, seconds=seconds)
    if load.errors:
        raise SystemExit(f"/batch_predict: {load.errors} requests failed")
    return load.rate * BATCH


def measure(
    what: str, module: Sequence[str], texts: Sequence[str], *, connections: int, seconds: float
) -> dict[str, Any]:
    """Start a server, warm it up, load it, and note its memory and how fast /ready answers."""
    bodies = [{"text": text} for text in texts]
    with server(module) as (process, port, start_s):
        put_load(port, "/predict", bodies, connections=connections, seconds=3)
        with watch_ready(port) as waits_ms:
            load: Load = put_load(
                port, "/predict", bodies, connections=connections, seconds=seconds
            )
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
        "start_s": round(start_s, 2),
    }


@contextmanager
def server(module: Sequence[str]) -> Iterator[tuple[psutil.Popen, int, float]]:
    """A server process on a free port, and after how many seconds it was ready; ended after it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = module[0] == "e_apification"
    chosen = ["--set", f"serving.port={port}"] if ours else ["--port", str(port)]
    started = time.monotonic()
    process = psutil.Popen(
        [sys.executable, "-m", *module, *chosen], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > started + 120:
                raise SystemExit(f"{module[0]} does not get ready; run it alone to see why")
            time.sleep(0.05)
        yield process, port, time.monotonic() - started
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
