"""Lint a label schema: its wording and, where there is data, what texts the labels get.

    python -m c_classification.labels_check          (make labels_check LABELS=my_labels.yaml)

Reads the labels file and a seeded sample of data/curated; writes nothing but the table on the
terminal, which shows some message texts. Findings are advice: the exit code stays 0.
"""

import logging
import os
import sys
from collections import Counter
from typing import NamedTuple

import numpy as np

from c_classification.check_table import format_report
from c_classification.check_texts import (
    Judged,
    judge_scores,
    sample_texts,
    share_findings,
    single_hypotheses,
    unentailed_hypotheses,
)
from c_classification.check_wording import (
    Finding,
    Misplaced,
    Sentence,
    misplaced_findings,
    misplaced_sentences,
    overlapping_descriptions,
    repeated_sentences,
    sentences_of,
    thin_labels,
)
from c_classification.embedding import frozen_encoder, without_handles
from c_classification.teacher import member_weights, score_texts
from common.artifacts import find_manifest
from common.cli import run_command, stage_parser
from common.labels import LabelSchema, load_labels
from common.schema import Settings
from common.synthetic import read_synthetic

_TEXTS = 1_000
_HYPOTHESIS_TEXTS = 200  # an NLI teacher reads each with every hypothesis once more
logger = logging.getLogger("c_classification.labels_check")


class Report(NamedTuple):
    """All that the check found.

    judged: None where there was no text to look at; synthetic: messages a label, in schema order.
    """

    schema: LabelSchema
    sentences: list[Sentence]
    findings: list[Finding]
    misplaced: list[Misplaced]
    judged: Judged | None
    synthetic: list[int]


def main() -> int:
    """Check the labels file from the command line; returns the exit code."""
    parser = stage_parser(
        "c_classification.labels_check",
        "Check the labels file: its wording and, if there is data, which texts the labels get.",
        sections=("classification",),
    )
    parser.add_argument(
        "--texts",
        type=int,
        default=_TEXTS,
        help=f"distinct texts of data/curated to score at most (default {_TEXTS})",
    )
    args = parser.parse_args()

    def command(settings: Settings) -> None:
        sys.stdout.write(format_report(*check_labels(settings, texts=args.texts)))

    return run_command(args, command)


def check_labels(settings: Settings, *, texts: int = _TEXTS) -> Report:
    """Look at the wording, then at how the teacher labels a sample of so many texts.

    Raises:
        SettingsError: if the labels file is missing or breaks the schema, or if its CSV of
            synthetic messages can't be used.
    """
    schema = load_labels(settings.labels)
    messages = Counter(label for _, label in read_synthetic(schema))
    synthetic = [messages[k] for k in range(len(schema.names))]
    sentences = sentences_of(schema)
    chosen, cache = settings.classification, settings.paths.cache
    encoder = frozen_encoder(chosen, cache=cache, threads=os.cpu_count() or 1)
    vectors = encoder.run([without_handles(sentence.text) for sentence in sentences]).values
    described = np.array([sentence.kind == "description" for sentence in sentences])
    misplaced = misplaced_sentences(sentences, vectors)
    findings = [
        *thin_labels(schema),
        *repeated_sentences(schema, sentences),
        *overlapping_descriptions(schema, vectors[described]),
        *misplaced_findings(schema, sentences, misplaced),
    ]
    if find_manifest(settings.paths.curated) is None:
        return Report(schema, sentences, findings, misplaced, None, synthetic)

    curated = settings.paths.curated / "messages"
    sample = sample_texts(curated, size=texts, seed=settings.seed)
    scores = score_texts(chosen, schema, sample, cache=cache)
    judged = judge_scores(schema, sample, scores, threshold=chosen.threshold)
    findings += share_findings(schema, judged)
    if sample and "nli" in member_weights(chosen):
        apart = chosen.model_copy(
            update={"teacher": "nli", "nli": chosen.nli.model_copy(update={"multi_label": True})}
        )
        hypotheses = single_hypotheses(schema)
        entailment = score_texts(apart, hypotheses, sample[:_HYPOTHESIS_TEXTS], cache=cache)
        findings += unentailed_hypotheses(schema, entailment)
    return Report(schema, sentences, findings, misplaced, judged, synthetic)


if __name__ == "__main__":
    sys.exit(main())
