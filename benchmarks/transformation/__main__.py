"""Landing and transformation beside the original design's transformation, at three sizes.

    python -m benchmarks.transformation --rows 28000 280000 2800000

Each side is a whole process (or two: landing, transformation), start-up and quality checks
included, one after the other on the same generated CSV. Writes transformation.json into
benchmarks/results.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from a_ingestion.sample import write_sample
from benchmarks.measure import Measured, run_measured
from common.runtime.java import find_java_home

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "transformation.json"
SEED = 7
MB = 2**20
COLUMNS = (
    "rows", "csv_mb", "original_s", "landing_s", "transformation_s", "ratio", "peak_mb",
    "original_peak_mb",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transformation")
    parser.add_argument("--rows", type=int, nargs="+", default=[28_000, 280_000, 2_800_000])
    args = parser.parse_args()
    rows = []
    print("".join(f"{name:>18}" for name in COLUMNS))
    for size in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            row = compare(size, Path(folder))
        rows.append(row)
        print("".join(f"{row[name]:>18,}" for name in COLUMNS), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows}, indent=2) + "\n")
    return 0


def compare(size: int, folder: Path) -> dict[str, float]:
    """One size: the ratio is ours (landing and transformation) over the original's."""
    write_sample(folder, rows=size, seed=SEED)
    source = folder / "twcs.csv"
    landing, transformation = ours(source, folder)
    peer = original(source, folder)
    return {
        "rows": size,
        "csv_mb": round(source.stat().st_size / MB),
        "original_s": round(peer.wall_s, 1),
        "landing_s": round(landing.wall_s, 1),
        "transformation_s": round(transformation.wall_s, 1),
        "ratio": round((landing.wall_s + transformation.wall_s) / peer.wall_s, 2),
        "peak_mb": round(max(landing.peak_rss_bytes, transformation.peak_rss_bytes) / MB),
        "original_peak_mb": round(peer.peak_rss_bytes / MB),
    }


def ours(source: Path, folder: Path) -> tuple[Measured, Measured]:
    settings = [f"run_dir={folder / 'run'}", "ingestion.source=csv", f"ingestion.csv={source}"]
    options = [word for setting in settings for word in ("--set", setting)]
    landing, transformation = (
        run_measured([sys.executable, "-m", stage, *options], cwd=ROOT, log=folder / f"{stage}.log")
        for stage in ("a_ingestion", "b_transformation")
    )
    return landing, transformation


def original(source: Path, folder: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.transformation.original", str(source)]
    environment = os.environ | {
        "JAVA_HOME": str(find_java_home()),
        "PYSPARK_PYTHON": sys.executable,
    }
    return run_measured(
        [*command, str(folder / "original")], cwd=ROOT, log=folder / "original.log", env=environment
    )


if __name__ == "__main__":
    raise SystemExit(main())
