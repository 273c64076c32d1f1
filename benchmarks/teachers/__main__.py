"""What each part of the teacher is worth: every way of labeling, on the same labeled texts.

    python -m benchmarks.teachers --gold gold.csv [--labels labels.yaml]

A CSV with the columns text and label in; it judges the ways and teaches none of them. Prints a
table and writes benchmarks/results/teachers-<name of the gold file>.json, which holds no text.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.teachers.ways import Labeling, all_ways
from common.config.settings import ROOT, load_settings
from common.errors import TriageError
from common.labels import LabelSchema, load_labels
from common.log import configure_logging
from common.models.evaluation import Scores
from common.stage.files import write_atomically
from common.text import TextRules
from d_training.evaluation.figures import judge_answers, judge_labels
from d_training.evaluation.gold import Answers, Gold, read_gold

CACHE = ROOT / ".cache" / "benchmarks"
RESULTS = ROOT / "benchmarks" / "results"
HEADER = ("teacher", "accuracy", "macro-F1", "95 % interval", "calibration error", "s / 1,000")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.teachers", description=__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="CSV with text and label")
    parser.add_argument("--labels", type=Path, default=ROOT / "conf" / "labels.yaml")
    args = parser.parse_args()
    configure_logging()
    settings = load_settings(profile="sample").settings
    workers = os.cpu_count() or 1
    try:
        schema = load_labels(args.labels)
        gold = read_gold(args.gold, schema, rules=TextRules())
        rows = [
            describe(way, found, gold, schema, seed=settings.seed)
            for way, found in all_ways(
                settings.classification, schema, gold.texts, workers=workers, cache=CACHE
            )
        ]
    except TriageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.gold.name}: {len(gold.texts)} texts, {len(schema.names)} labels, "
          f"{workers} cores\n")  # fmt: skip
    print(format_table(rows))
    report = {
        "gold": args.gold.name,
        "texts": len(gold.texts),
        "labels": len(schema.names),
        "labels_sha256": schema.sha256,
        "cores": workers,
        "rows": rows,
    }
    target = RESULTS / f"teachers-{args.gold.stem}.json"
    write_atomically(target, json.dumps(report, indent=2) + "\n")
    return 0


def describe(
    way: str, found: Labeling, gold: Gold, schema: LabelSchema, *, seed: int
) -> dict[str, Any]:
    """One row: every text counts, also those of which a teacher is unsure."""
    error = None
    figures: Scores
    if found.scores is None:
        figures = judge_labels(gold.truth, found.labels, schema.names, seed=seed)
    else:
        answers = Answers(found.scores, found.scores.max(axis=1) >= 0)
        figures = judged = judge_answers(gold.truth, answers, schema.names, seed=seed)
        error = round(judged.expected_calibration_error, 4)
    return {
        "teacher": way,
        "accuracy": round(figures.accuracy, 4),
        "macro_f1": round(figures.macro_f1, 4),
        "macro_f1_interval_95": [round(end, 4) for end in figures.macro_f1_interval_95],
        "expected_calibration_error": error,
        "seconds_per_1000": round(1000 * found.seconds / len(gold.texts), 2),
    }


def format_table(rows: list[dict[str, Any]]) -> str:
    """The rows as aligned Markdown, without a line break at its end."""
    cells = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(HEADER))]
    lines = [
        "| " + " | ".join(f"{cell:<{w}}" if k == 0 else f"{cell:>{w}}"
                          for k, (cell, w) in enumerate(zip(row, widths, strict=True))) + " |"
        for row in cells
    ]  # fmt: skip
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    low, high = row["macro_f1_interval_95"]
    error = row["expected_calibration_error"]
    return (
        row["teacher"],
        f"{row['accuracy']:.3f}",
        f"{row['macro_f1']:.3f}",
        f"{low:.3f}-{high:.3f}",
        "-" if error is None else f"{error:.3f}",
        f"{row['seconds_per_1000']:.2f}",
    )


if __name__ == "__main__":
    sys.exit(main())
