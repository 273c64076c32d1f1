"""What each stage of benchmarks.full_size takes of more messages.

    python -m benchmarks.full_size.growth

Reads full_size.json in benchmarks/results, and prints the tables of docs/scale.md: seconds and
memory by size, and the hours of such a machine that larger sizes would take. A stage's seconds are
taken to be a fixed part and a part for each message, as its two largest sizes show them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

RESULT = Path(__file__).resolve().parents[1] / "results" / "full_size.json"
SIZES = (10_000_000, 100_000_000, 1_000_000_000)
_MILLION = 1_000_000


class Growth(NamedTuple):
    """Seconds of a stage: ``fixed_s``, and ``a_million_s`` for each million messages."""

    fixed_s: float
    a_million_s: float

    def hours(self, messages: int) -> float:
        """Of the machine that was measured."""
        return (self.fixed_s + self.a_million_s * messages / _MILLION) / 3600


def main() -> int:
    """Print the tables; returns the exit code."""
    print_tables(json.loads(RESULT.read_text(encoding="utf-8"))["runs"])
    return 0


def print_tables(runs: Sequence[Mapping[str, Any]]) -> None:
    """What was measured, and what larger sizes would take; nothing of fewer than two sizes."""
    if len(runs) > 1:
        print("\n".join([*measured_table(runs), "", *projected_table(runs)]))


def measured_table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: a row a stage, seconds and peak memory at each size."""
    sizes = [f"{messages(run):,} messages" for run in runs]
    columns = [f"{size}: {what}" for size in sizes for what in ("s", "MB")]
    lines = _header(["stage", *columns, "s a million more", "fixed s"])
    for stage, growth in growths(runs).items():
        found = [run["stages"][stage] for run in runs]
        cells = [f"{each[name]:,}" for each in found for name in ("seconds", "peak_mb")]
        more = f"{growth.a_million_s:,.1f}", f"{growth.fixed_s:,.0f}"
        lines.append(_row([stage, *cells, *more]))
    return lines


def projected_table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: hours of the machine for each stage and size of ``SIZES``."""
    lines = _header(["stage", *(f"{size // _MILLION:,} million" for size in SIZES)])
    found = growths(runs)
    for stage, growth in found.items():
        lines.append(_row([stage, *(f"{growth.hours(size):,.2f}" for size in SIZES)]))
    sums = (sum(growth.hours(size) for growth in found.values()) for size in SIZES)
    lines.append(_row(["all, machine-hours", *(f"{total:,.1f}" for total in sums)]))
    return lines


def growths(runs: Sequence[Mapping[str, Any]]) -> dict[str, Growth]:
    """By stage, from the two largest runs."""
    small, large = sorted(runs, key=messages)[-2:]
    more = (messages(large) - messages(small)) / _MILLION
    found = {}
    for stage in large["stages"]:
        seconds = [run["stages"][stage]["seconds"] for run in (small, large)]
        slope = max(0.0, (seconds[1] - seconds[0]) / more)
        found[stage] = Growth(seconds[1] - slope * messages(large) / _MILLION, slope)
    return found


def messages(run: Mapping[str, Any]) -> int:
    """Of customers, as transformation counts them."""
    count: int = run["stages"]["transformation"]["rows_out"]
    return count


def _header(names: Sequence[str]) -> list[str]:
    return [_row(names), _row(["---"] * len(names))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
