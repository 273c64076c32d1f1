"""The two sides: the zero-shot pipeline one text a call, and this project's NLI teacher."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from c_classification.nli import NliTeacher, prepare_nli
from common.labels import LabelSchema
from common.log import progress
from common.schema import ClassificationSettings, NliSettings


class Outcome(NamedTuple):
    """scores: (N, K), in schema order; seconds: wall time of labelling, loading not counted."""

    scores: NDArray[np.float32]
    seconds: float


def run_pipeline(checkpoint: Path, schema: LabelSchema, texts: Sequence[str]) -> Outcome:
    """The original design: transformers' pipeline, float32, one text a call, all cores."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers import ZeroShotClassificationPipeline as Pipeline

    pipeline = Pipeline(
        model=AutoModelForSequenceClassification.from_pretrained(checkpoint).eval(),
        tokenizer=AutoTokenizer.from_pretrained(checkpoint),
    )
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
    checkpoint: Path,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    int8: bool,
    workers: int,
    cache: Path,
) -> Outcome:
    """This project, as in a Spark worker: one session with one thread a core."""
    settings = ClassificationSettings(
        teacher="nli", nli=NliSettings(checkpoint=str(checkpoint), int8=int8)
    )
    folder = prepare_nli(settings, schema, cache=cache)
    teachers = [NliTeacher(settings, schema, folder, threads=1) for _ in range(workers)]
    for teacher in teachers:
        teacher.score(texts[:1])
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda w: teachers[w].score(texts[w::workers]), range(workers))
        scores = np.empty((len(texts), len(schema.names)), np.float32)
        for w, part in enumerate(parts):
            scores[w::workers] = part
    return Outcome(scores, time.perf_counter() - started)
