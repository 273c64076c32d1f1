"""Lint a label schema: its wording and, where there is data, what texts the labels get.

Reads the labels file and a seeded sample of data/curated; writes nothing but the table on the
terminal, which shows some message texts. Findings are advice: the exit code stays 0.
"""

import logging
from collections import Counter
from typing import NamedTuple

import numpy as np

from c_classification.check.texts import (
    Judged,
    judge_scores,
    sample_texts,
    share_findings,
    single_hypotheses,
    unentailed_hypotheses,
)
from c_classification.check.wording import (
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
from c_classification.teacher.embedding import frozen_encoder, without_handles
from c_classification.teacher.teacher import member_weights, score_texts
from common.config.schema import Settings
from common.labels import LabelSchema, load_labels
from common.onnx.device import choose_device
from common.stage.manifest import find_manifest
from common.synthetic import read_synthetic

TEXTS = 1_000
_HYPOTHESIS_TEXTS = 200  # an NLI teacher reads each with every hypothesis once more
logger = logging.getLogger("c_classification.check.check")


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


def check_labels(settings: Settings, *, texts: int = TEXTS) -> Report:
    """Look at the wording, then at how the teacher labels a sample of so many texts.

    Raises:
        SettingsError: if the labels file is missing or breaks the schema, or if its CSV of
            synthetic messages can't be used.
    """
    schema = load_labels(settings.labels)
    messages = Counter(label for _, label in read_synthetic(schema))
    synthetic = [messages[k] for k in range(len(schema.names))]
    sentences = sentences_of(schema)
    device, cache = choose_device(settings.device).device, settings.paths.cache
    chosen = settings.classification.on(device)
    encoder = frozen_encoder(chosen, cache=cache, device=device)
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
    scores = score_texts(chosen, schema, sample, cache=cache, device=device)
    judged = judge_scores(schema, sample, scores, threshold=chosen.threshold)
    findings += share_findings(schema, judged)
    if sample and "nli" in member_weights(chosen):
        apart = chosen.model_copy(
            update={"teacher": "nli", "nli": chosen.nli.model_copy(update={"multi_label": True})}
        )
        hypotheses = single_hypotheses(schema)
        some = sample[:_HYPOTHESIS_TEXTS]
        entailment = score_texts(apart, hypotheses, some, cache=cache, device=device)
        findings += unentailed_hypotheses(schema, entailment)
    return Report(schema, sentences, findings, misplaced, judged, synthetic)
