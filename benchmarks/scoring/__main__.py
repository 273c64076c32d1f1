"""Bulk scoring: messages a second of `make score` on two cores, sample messages, whole runs.

    python -m benchmarks.scoring

Runs the command on a short and on a long file. With start-up: rows of the long one over all its
seconds. Without: what the additional rows took. Writes benchmarks/results/scoring.json.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from a_ingestion.sample import write_sample
from benchmarks.serving.student import find_student
from common.config.settings import ROOT, load_settings
from common.log import configure_logging
from common.stage.files import write_atomically

CACHE = ROOT / ".cache" / "benchmarks"
RESULT = ROOT / "benchmarks" / "results" / "scoring.json"
SHORT_ROWS = 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000, help="messages of the long file")
    args = parser.parse_args()
    configure_logging()
    student = find_student(load_settings().settings, cache=CACHE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sample(folder, rows=args.rows, seed=7)
        short = folder / "short.csv"
        with (folder / "twcs.csv").open(encoding="utf-8", errors="replace") as lines:
            short.write_text("".join(islice(lines, SHORT_ROWS)), encoding="utf-8")
        short_rows, short_s, _ = run_score(short, run_dir=student.run_dir)
        rows, seconds, distinct = run_score(folder / "twcs.csv", run_dir=student.run_dir)
    report = {
        "what": student.what,
        "cores": 2,
        "rows": rows,
        "distinct_texts": distinct,
        "seconds": round(seconds, 2),
        "start_up_seconds": round(short_s, 2),
        "messages_per_s_with_start_up": round(rows / seconds, 1),
        "messages_per_s": round((rows - short_rows) / (seconds - short_s), 1),
        "distinct_texts_per_s": round(distinct * (rows - short_rows) / rows / (seconds - short_s)),
    }
    print(f"{student.what}, Spark local[2] of {os.cpu_count()} cores\n")
    print("| rows | distinct texts | messages/s with start-up | messages/s | start-up s |")
    print("| --- | --- | --- | --- | --- |")
    print(f"| {rows:,} | {distinct:,} | {report['messages_per_s_with_start_up']:,.0f} "
          f"| {report['messages_per_s']:,.0f} | {short_s:.1f} |")  # fmt: skip
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")


def run_score(source: Path, *, run_dir: Path) -> tuple[int, float, int]:
    """Rows that came out, wall seconds of the whole command, distinct texts that it scored."""
    out = source.with_suffix(".labeled.csv")
    command = [sys.executable, "-m", "e_apification", "score", "--csv", str(source)]
    command += ["--out", str(out), "--text-column", "text"]
    command += ["--set", f"run_dir={run_dir.resolve()}", "--set", "spark.master=local[2]"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    with out.open(encoding="utf-8", newline="") as file:
        rows = sum(1 for _ in csv.DictReader(file))
    shown = re.search(r"([0-9,]+) distinct texts", done.stderr)
    if shown is None:
        raise SystemExit(f"no number of distinct texts in: {done.stderr}")
    return rows, seconds, int(shown.group(1).replace(",", ""))


if __name__ == "__main__":
    main()
