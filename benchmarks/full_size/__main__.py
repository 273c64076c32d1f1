"""Landing to data/scored at three sizes, each stage a process of its own.

    python -m benchmarks.full_size --rows 28000 280000 2800000

The table is generated in a temporary folder (TMPDIR) from a seed; teacher and student are those of
profile sample, the teacher's budget is that of profile full. Prints a row a stage and writes
full_size.json into benchmarks/results; growth.py prints the tables of docs/scale.md from it.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from a_ingestion.sample import write_sample
from benchmarks.full_size.growth import RESULT, print_tables
from benchmarks.full_size.stages import BUDGET, MB, run_stages
from common.onnx.model import cpu_flags

SEED = 7
SIZES = (28_000, 280_000, 2_800_000)
COLUMNS = ("rows", "stage", "rows_in", "rows_out", "seconds", "rows_per_s", "peak_mb", "written_mb")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_size", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="rows of the table")
    parser.add_argument("--budget", type=int, default=BUDGET, help="texts for the teacher")
    args = parser.parse_args()
    print("".join(f"{name:>16}" for name in COLUMNS))
    results: list[dict[str, Any]] = []
    for size in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(size, Path(folder), budget=args.budget))
    document = {
        "cores": os.cpu_count(),
        "instructions": cpu_flags(),
        "budget": args.budget,
        "runs": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print_tables(results)
    return 0


def measure(size: int, folder: Path, *, budget: int) -> dict[str, Any]:
    """One size: a row a stage, and the sum."""
    started = time.perf_counter()
    write_sample(folder, rows=size, seed=SEED)
    generating_s = time.perf_counter() - started
    source = folder / "twcs.csv"
    rows = []
    for row in run_stages(source, folder, budget=budget):
        rows.append(row)
        cells = {"rows": size, "stage": row.stage, **row.figures}
        print("".join(f"{_shown(cells[name]):>16}" for name in COLUMNS), flush=True)
    total_s, peak_mb = sum(row.seconds for row in rows), max(row.peak_mb for row in rows)
    print(f"{size:,} rows: {total_s / 60:.1f} minutes, at most {peak_mb:,} MB\n", flush=True)
    return {
        "rows": size,
        "csv_mb": round(source.stat().st_size / MB),
        "generating_s": round(generating_s, 1),
        "total_s": round(total_s, 1),
        "peak_mb": peak_mb,
        "stages": {row.stage: row.figures for row in rows},
    }


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


if __name__ == "__main__":
    sys.exit(main())
