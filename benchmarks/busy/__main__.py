"""Speed beside one busy process: threads that soon sleep while they wait for one another, or spin.

    python -m benchmarks.busy

Labeling by the teachers and training of the student, each for some seconds alone and as many
beside a process that keeps a core busy; with this project's setting, and as OpenMP and ONNX
Runtime come. The better of a few rounds counts. Takes three minutes, prints a table and writes
benchmarks/results/busy.json; fails where sleeping threads keep less than 0.45 of their speed
beside the busy process, or lose more than 5 % alone.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from benchmarks.busy.work import WORKS
from common.config.settings import ROOT
from common.stage.files import write_atomically

RESULT = ROOT / "benchmarks" / "results" / "busy.json"
SLEEP, SPIN = "sleep", "spin"
KEPT_BESIDE, KEPT_ALONE = 0.45, 0.95
_OPENMP = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT")
_GOMP_DEFAULT = "300000"  # turns that libgomp spins for where nothing is set


class Speed(NamedTuple):
    """Texts a second, alone and beside the busy process."""

    alone: float
    beside: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    kinds = [(work, waiting) for work in WORKS for waiting in (SPIN, SLEEP)]
    rounds = [
        {kind: run(*kind, seconds=args.seconds) for kind in kinds} for _ in range(args.rounds)
    ]
    best = {
        kind: Speed(
            *(max(column) for column in zip(*(found[kind] for found in rounds), strict=True))
        )
        for kind in kinds
    }
    rows = [describe(work, sleep=best[work, SLEEP], spin=best[work, SPIN]) for work in WORKS]
    report = {
        "cores": os.cpu_count(),
        "kept_beside": KEPT_BESIDE,
        "kept_alone": KEPT_ALONE,
        "rows": rows,
    }
    print_report(report)
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")
    return 0 if all(row["passed"] for row in rows) else 1


def run(work: str, waiting: str, *, seconds: float) -> Speed:
    """Measure in a process of its own, whose threads wait in one way."""
    command = [sys.executable, "-m", "benchmarks.busy.work", work, f"--seconds={seconds}"]
    environment = {k: v for k, v in os.environ.items() if k not in _OPENMP}
    if waiting == SPIN:
        command.append("--spinning")
        environment["GOMP_SPINCOUNT"] = _GOMP_DEFAULT
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def describe(work: str, *, sleep: Speed, spin: Speed) -> dict[str, Any]:
    """One row of the table."""
    kept_beside, kept_alone = sleep.beside / sleep.alone, sleep.alone / spin.alone
    return {
        "work": work,
        "spin_alone": round(spin.alone, 1),
        "spin_beside": round(spin.beside, 1),
        "sleep_alone": round(sleep.alone, 1),
        "sleep_beside": round(sleep.beside, 1),
        "spin_kept_beside": round(spin.beside / spin.alone, 2),
        "kept_beside": round(kept_beside, 2),
        "kept_alone": round(kept_alone, 2),
        "passed": kept_beside >= KEPT_BESIDE and kept_alone >= KEPT_ALONE,
    }


def print_report(report: dict[str, Any]) -> None:
    print(f"texts a second on {report['cores']} cores, alone and beside a busy process\n")
    print("| work | spin: alone | beside | sleep: alone | beside | kept beside | kept alone |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in report["rows"]:
        print(
            f"| {row['work']} | {row['spin_alone']:.1f} | {row['spin_beside']:.1f} | "
            f"{row['sleep_alone']:.1f} | {row['sleep_beside']:.1f} | {row['kept_beside']:.2f} | "
            f"{row['kept_alone']:.2f} |{'' if row['passed'] else ' FAILED'}"
        )
    print(
        f"\nTo be kept: {report['kept_beside']} of the speed alone beside the process, and "
        f"{report['kept_alone']} alone of what spinning threads do."
    )


if __name__ == "__main__":
    raise SystemExit(main())
