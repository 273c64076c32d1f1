"""The ways of labeling that the ablation compares; each later one knows more than a simpler one.

None of them sees a gold label. Seconds are of labeling alone: exports, tuning and loading, which
a data set pays once, are not counted.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.workers import label_in_workers
from c_classification.gold.wording import nearest_labels, wordings
from c_classification.teacher.embedding import frozen_encoder, without_handles
from c_classification.teacher.teacher import prepare_teacher
from common.config.classification import ClassificationSettings
from common.labels import LabelSchema
from common.onnx.weights import MINILM_WHEEL
from d_training.evaluation.baselines import keyword_labels


class Labeling(NamedTuple):
    """labels: (N,) in schema order; scores: (N, K), None of a way that gives none."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float32] | None
    seconds: float


def teachers(settings: ClassificationSettings) -> dict[str, ClassificationSettings]:
    """The teachers, by name; the last is the one of ``settings``, the others are its parts."""
    minilm = {"checkpoint": MINILM_WHEEL, "revision": None}
    return {
        "MiniLM, frozen": _part(settings, "embedding", embedding={**minilm, "tune_steps": 0}),
        "MiniLM, tuned": _part(settings, "embedding", embedding=minilm),
        "mpnet, frozen": _part(settings, "embedding", embedding={"tune_steps": 0}),
        "NLI, one hypothesis a label": _part(settings, "nli", nli={"hypotheses": 1}),
        "NLI, all hypotheses": _part(settings, "nli", nli={"hypotheses": None}),
        "mpnet, tuned, and NLI": _part(settings, "ensemble"),
        "mpnet, tuned": _part(settings, "embedding"),
    }


def all_ways(
    settings: ClassificationSettings,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    workers: int,
    cache: Path,
) -> Iterator[tuple[str, Labeling]]:
    """What each way says of the texts, by the way's name."""
    started = time.perf_counter()
    labels = keyword_labels(texts, schema)
    yield "keywords", Labeling(labels, None, time.perf_counter() - started)
    yield from by_wording(settings, schema, texts, cache=cache)
    for name, chosen in teachers(settings).items():
        spec = prepare_teacher(chosen, schema, cache=cache)
        labeled = label_in_workers(spec, texts, workers=workers)
        scores = labeled.opinions.scores
        yield name, Labeling(scores.argmax(axis=1), scores, labeled.seconds)


def by_wording(
    settings: ClassificationSettings,
    schema: LabelSchema,
    texts: Sequence[str],
    *,
    cache: Path,
) -> Iterator[tuple[str, Labeling]]:
    """The label whose name, and the one whose description, lies nearest in a frozen encoder."""
    encoder = frozen_encoder(settings, cache=cache, device="cpu")
    started = time.perf_counter()
    vectors = encoder.run([without_handles(text) for text in texts]).values  # (N, D)
    seconds = time.perf_counter() - started
    for way, sentences in wordings(schema).items():
        way = "bare names" if way == "names" else way
        yield way, Labeling(nearest_labels(vectors, encoder.run(sentences).values), None, seconds)


def _part(
    settings: ClassificationSettings, teacher: str, **changes: dict[str, Any]
) -> ClassificationSettings:
    """The settings with another teacher and changes within its sections, checked anew."""
    whole = settings.model_dump() | {"teacher": teacher}
    sections = {name: whole[name] | changed for name, changed in changes.items()}
    return ClassificationSettings.model_validate(whole | sections)
