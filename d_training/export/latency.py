"""How long an exported model takes, one thread, at a few numbers of texts and of tokens."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.models.metrics import Latency
from common.onnx.model import SLOW_FUSIONS, session_options
from d_training.fine_tuning.student import Student

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BATCHES, LENGTHS = (1, 32), (16, 64, 128)  # texts, tokens
_CELL_S, _FEWEST_RUNS, _MOST_RUNS = 0.1, 2, 100  # a combination is run for so long, so often


def time_model(
    session: "InferenceSession", student: Student, tokens: Sequence[list[int]]
) -> tuple[Latency, ...]:
    """p50 and p99 in milliseconds at each of BATCHES and LENGTHS that the checkpoint can read.

    Of few runs p99 is the slowest; "runs" says how many there were.
    """
    stream = np.concatenate([np.asarray(ids, np.int64) for ids in tokens])
    longest = int(student.model.config.max_position_embeddings)
    found = []
    for batch in BATCHES:
        for length in (length for length in LENGTHS if length <= longest):
            ids = np.resize(stream, (batch, length))
            taken = _time(session, feed(session, ids, np.ones_like(ids)), warm_up=batch == 1)
            p50, p99 = np.percentile(taken, [50, 99])
            found.append(
                Latency(
                    batch=batch,
                    tokens=length,
                    runs=len(taken),
                    p50_ms=round(float(p50), 4),
                    p99_ms=round(float(p99), 4),
                )
            )
    return tuple(found)


def open_session(
    file: Path, *, plain: bool, threads: int = 1, write: Path | None = None
) -> "InferenceSession":
    """One thread, as serving gives a text; ``plain`` runs the graph as the file holds it."""
    import onnxruntime as ort

    options = session_options(threads)
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if write:
        options.optimized_model_filepath = str(write)
    return ort.InferenceSession(
        file, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
    )


def feed(
    session: "InferenceSession", ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """What a session reads, of (B, L) token ids and attention mask."""
    known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {node.name: known[node.name] for node in session.get_inputs()}


def _time(
    session: "InferenceSession", fed: dict[str, NDArray[np.int64]], *, warm_up: bool
) -> list[float]:
    """Milliseconds of each run."""
    if warm_up:
        session.run(None, fed)
    taken: list[float] = []
    until = time.perf_counter() + _CELL_S
    while len(taken) < _FEWEST_RUNS or (len(taken) < _MOST_RUNS and time.perf_counter() < until):
        started = time.perf_counter()
        session.run(None, fed)
        taken.append(1_000 * (time.perf_counter() - started))
    return taken
