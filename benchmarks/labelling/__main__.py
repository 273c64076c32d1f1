"""Labelling speed: five labels, one NLI model, the zero-shot pipeline against this project.

    python -m benchmarks.labelling

Distinct texts of real length, the same weights, the same run. Prints a table and writes
benchmarks/results/labelling.json: texts a second, the ratio, the share of equal labels.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from a_ingestion.sample import write_sample
from benchmarks.labelling.sides import Outcome, run_pipeline, run_teacher
from benchmarks.labelling.weights import nli_checkpoint
from common.artifacts import write_atomically
from common.labels import LabelSchema, load_labels
from common.log import configure_logging
from common.text import natural_text

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "benchmarks"
SNLI = ROOT.parent / "shared" / "data" / "nli"
RESULT = ROOT / "benchmarks" / "results" / "labelling.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labelling", description=__doc__)
    parser.add_argument("--texts", type=int, default=600, help="distinct texts to label")
    parser.add_argument("--snli", type=Path, default=SNLI, help="folder of SNLI's dev files")
    args = parser.parse_args()
    configure_logging()

    snli = args.snli if (args.snli / "snli_s1.dev").is_file() else None
    checkpoint = nli_checkpoint(snli, cache=CACHE)
    schema = load_labels(ROOT / "conf" / "labels.yaml")
    schema = with_one_hypothesis(schema)
    texts = sample_texts(args.texts)
    workers = os.cpu_count() or 1

    peer = run_pipeline(checkpoint, schema, texts)
    rows = [("zero-shot pipeline, one text a call", peer)]
    for int8 in (False, True):
        ours = run_teacher(checkpoint, schema, texts, int8=int8, workers=workers, cache=CACHE)
        rows.append((f"this project, ONNX {'INT8' if int8 else 'float32'}", ours))

    results = [describe(name, outcome, peer, len(texts)) for name, outcome in rows]
    head = "trained on SNLI" if snli else "as drawn (no SNLI at hand: labels mean little)"
    print(f"{len(texts)} distinct texts, 5 labels, {workers} cores, NLI head {head}\n")
    print("| how | texts/s | ratio | equal labels |\n| --- | --- | --- | --- |")
    for row in results:
        print(f"| {row['how']} | {row['texts_per_s']:.1f} | {row['ratio']:.1f} | "
              f"{row['equal_labels']:.1%} |")  # fmt: skip
    report = {"texts": len(texts), "labels": 5, "cores": workers, "head": head, "rows": results}
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")


def with_one_hypothesis(schema: LabelSchema) -> LabelSchema:
    """The schema with the first hypothesis of each label, which is all that the pipeline takes."""
    labels = [
        label.model_copy(update={"hypotheses": label.hypotheses[:1]}) for label in schema.labels
    ]
    return schema.model_copy(update={"labels": tuple(labels)})


def sample_texts(count: int) -> list[str]:
    """Distinct openers of the sample generator, as models read them."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), rows=12 * count + 100, seed=7)
        with (Path(folder) / "gold.csv").open(encoding="utf-8", newline="") as file:
            texts = dict.fromkeys(natural_text(row["text"]) for row in csv.DictReader(file))
    return list(texts)[:count]


def describe(name: str, outcome: Outcome, peer: Outcome, count: int) -> dict[str, object]:
    """One row of the table; the ratio and the share of equal labels are against ``peer``."""
    equal = outcome.scores.argmax(axis=1) == peer.scores.argmax(axis=1)
    return {
        "how": name,
        "texts_per_s": round(count / outcome.seconds, 2),
        "ratio": round(peer.seconds / outcome.seconds, 2),
        "equal_labels": round(float(np.mean(equal)), 4),
    }


if __name__ == "__main__":
    main()
