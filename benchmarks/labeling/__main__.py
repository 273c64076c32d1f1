"""Labeling speed: the embedded NLI model in the zero-shot pipeline, and in this project.

    python -m benchmarks.labeling

Distinct texts of real length, one hypothesis a label, the same weights, the same run. Prints a
table and writes benchmarks/results/labeling.json: texts a second, the ratio, the share of texts
whose best label is the pipeline's, and what 77 labels cost beside five.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from a_ingestion.sample import write_sample
from benchmarks.labeling.sides import Outcome, run_pipeline, run_teacher
from c_classification.teacher.nli_adapter.merged import merged_checkpoint
from common.config.classification import (
    ClassificationSettings,
    EmbeddingSettings,
    EnsembleSettings,
    NliSettings,
)
from common.config.settings import ROOT
from common.labels import load_labels
from common.log import configure_logging
from common.stage.files import write_atomically
from common.text import natural_text

CACHE = ROOT / ".cache" / "benchmarks"
RESULT = ROOT / "benchmarks" / "results" / "labeling.json"
FIVE = ROOT / "conf" / "labels.yaml"
SEVENTY_SEVEN = ROOT / "docs" / "examples" / "banking77_labels.yaml"
SHORTLIST = 3
FEW_TEXTS = 8  # that the pipeline gets with 77 labels


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labeling", description=__doc__)
    parser.add_argument("--texts", type=int, default=1000, help="distinct texts to label")
    args = parser.parse_args()
    configure_logging()

    few, many = load_labels(FIVE), load_labels(SEVENTY_SEVEN)
    texts = sample_texts(args.texts)
    workers = os.cpu_count() or 1
    checkpoint = merged_checkpoint(cache=CACHE)

    peer = run_pipeline(checkpoint, few, texts)
    peer_of_many = run_pipeline(checkpoint, many, texts[:FEW_TEXTS])
    fp32, int8, short, short_of_many = (
        run_teacher(settings, schema, texts, workers=workers, cache=CACHE)
        for settings, schema in (
            (nli_alone(int8=False), few),
            (nli_alone(int8=True), few),
            (shortlisted(tuned=True), few),
            # Tuning changes what the encoder says, not what a text costs.
            (shortlisted(tuned=False), many),
        )
    )
    rows = [
        describe("zero-shot pipeline, one text a call", peer, peer),
        describe("this project, float32", fp32, peer),
        describe("this project, INT8", int8, peer),
        describe(f"this project, INT8, {SHORTLIST} labels proposed", short, peer),
        describe("zero-shot pipeline, one text a call", peer_of_many, peer_of_many),
        describe(f"this project, INT8, {SHORTLIST} labels proposed", short_of_many, peer_of_many),
    ]
    report = {
        "texts": len(texts),
        "cores": workers,
        "rows": rows,
        "cost_of_77_against_5": round(short_of_many.seconds / short.seconds, 2),
        "lead_of_the_best_label": leads(peer.scores, int8.scores),
    }
    print_report(report)
    write_atomically(RESULT, json.dumps(report, indent=2) + "\n")


def nli_alone(*, int8: bool) -> ClassificationSettings:
    return ClassificationSettings(teacher="nli", nli=NliSettings(hypotheses=1, int8=int8))


def shortlisted(*, tuned: bool) -> ClassificationSettings:
    embedding = EmbeddingSettings() if tuned else EmbeddingSettings(tune_steps=0)
    return nli_alone(int8=True).model_copy(
        update={
            "teacher": "ensemble",
            "embedding": embedding,
            "ensemble": EnsembleSettings(shortlist=SHORTLIST),
        }
    )


def sample_texts(count: int) -> list[str]:
    """Distinct openers of the sample generator, as models read them."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), rows=12 * count + 100, seed=7)
        with (Path(folder) / "gold.csv").open(encoding="utf-8", newline="") as file:
            texts = dict.fromkeys(natural_text(row["text"]) for row in csv.DictReader(file))
    return list(texts)[:count]


def describe(name: str, outcome: Outcome, peer: Outcome) -> dict[str, Any]:
    """One row of the table; the ratio and the share of equal labels are against ``peer``."""
    texts, labels = outcome.scores.shape
    first = len(peer.scores)  # a slow peer may have got fewer texts, the first ones
    equal = outcome.scores[:first].argmax(axis=1) == peer.scores.argmax(axis=1)
    speed, peer_speed = texts / outcome.seconds, first / peer.seconds
    return {
        "how": name,
        "labels": labels,
        "texts": texts,
        "texts_per_s": round(speed, 2),
        "ratio": round(speed / peer_speed, 2),
        "equal_labels": round(float(np.mean(equal)), 4),
        "equal_labels_of": first,
    }


def leads(peer: NDArray[np.float32], ours: NDArray[np.float32]) -> dict[str, list[float] | None]:
    """How far the peer's best label leads its second, in logits: least, median, most.

    Of all texts, and of those where ``ours`` names another label: are these the close calls?
    """
    second, best = np.log(np.sort(peer, axis=1)[:, -2:]).T
    lead = best - second  # (N,); softmax shifts all logits alike
    differ = peer.argmax(axis=1) != ours.argmax(axis=1)
    return {
        "all": _spread(lead),
        "int8_differs": _spread(lead[differ]) if differ.any() else None,
    }


def _spread(values: NDArray[np.float32]) -> list[float]:
    return [round(float(v), 3) for v in np.percentile(values, [0, 50, 100])]


def print_report(report: dict[str, Any]) -> None:
    print(f"{report['texts']} distinct texts, one hypothesis a label, {report['cores']} cores\n")
    print("| how | labels | texts/s | ratio | equal labels |")
    print("| --- | --- | --- | --- | --- |")
    for row in report["rows"]:
        print(
            f"| {row['how']} | {row['labels']} | {row['texts_per_s']:.1f} | {row['ratio']:.1f} | "
            f"{row['equal_labels']:.1%} of {row['equal_labels_of']} |"
        )
    lead = report["lead_of_the_best_label"]
    print(f"\nA text with 77 labels costs {report['cost_of_77_against_5']} times one with 5.")
    print("Lead of the pipeline's best label over its second, in logits (least, median, most):")
    print(f"all texts {lead['all']}, those that INT8 labels otherwise {lead['int8_differs']}")


if __name__ == "__main__":
    main()
