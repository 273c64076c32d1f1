"""The two sides: the zero-shot pipeline one text a call, and this project's teachers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.workers import label_in_workers
from c_classification.teacher.teacher import prepare_teacher
from common.config.classification import ClassificationSettings
from common.errors import DataError
from common.labels import LabelSchema
from common.log import progress


class Outcome(NamedTuple):
    """scores: (N, K) of the NLI model, in schema order; seconds: loading not counted."""

    scores: NDArray[np.float32]
    seconds: float


def run_pipeline(checkpoint: Path, schema: LabelSchema, texts: Sequence[str]) -> Outcome:
    """The original design: transformers' pipeline, float32, one text a call, all cores.

    Raises:
        DataError: if the pipeline would read another logit than entailment.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers import ZeroShotClassificationPipeline as Pipeline

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    pipeline = Pipeline(model=model, tokenizer=AutoTokenizer.from_pretrained(checkpoint))
    if pipeline.entailment_id != model.config.label2id["entailment"]:
        raise DataError(f"the pipeline takes logit {pipeline.entailment_id} for entailment")
    hypotheses = [label.hypotheses[0] for label in schema.labels]
    pipeline(texts[0], hypotheses, hypothesis_template="{}")
    rows = []
    started = time.perf_counter()
    for text in progress(texts, total=len(texts), what="pipeline", unit="texts"):
        result = pipeline(text, hypotheses, hypothesis_template="{}")
        scores = dict(zip(result["labels"], result["scores"], strict=True))
        rows.append([scores[hypothesis] for hypothesis in hypotheses])
    return Outcome(np.array(rows, np.float32), time.perf_counter() - started)


def run_teacher(
    settings: ClassificationSettings,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    workers: int,
    cache: Path,
) -> Outcome:
    """This project: all that the teacher does, and what its NLI member makes of it."""
    spec = prepare_teacher(settings, schema, cache=cache)
    labeled = label_in_workers(spec, texts, workers=workers)
    return Outcome(labeled.opinions.by_member[-1], labeled.seconds)
