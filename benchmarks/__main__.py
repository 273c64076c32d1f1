"""Run every benchmark, one after the other, and show where the tables are.

Run by `make bench`; one alone by `python -m benchmarks.labeling`. benchmarks.teachers is not
among them: it needs labeled texts, which the project does not hold.
"""

import subprocess
import sys

BENCHMARKS = (
    "transformation",
    "labeling",
    "training",
    "busy",
    "serving",
    "scoring",
    "devices",
    "full_size",
)


def main() -> int:
    """Run all; the exit code is the number that failed."""
    failed = []
    for name in BENCHMARKS:
        print(f"== benchmarks.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            failed.append(name)
    print("== benchmarks.teachers: skipped; run it with --gold FILE, a CSV with text and label")
    print(f"tables: benchmarks/results/*.json; failed: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    raise SystemExit(main())
