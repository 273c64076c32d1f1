"""Prediction off the event loop: a few threads, fair slices, and a bound on what waits.

The event loop only reads and writes; ONNX Runtime and the tokenizer release the interpreter lock,
so that threads use all CPUs and /health is never kept waiting.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from e_apification.model.admission import Admission, OverloadedError
from e_apification.model.predictor import Prediction, Predictor

# A batch is scored in slices, between which single messages get their turn.
_SLICE_TEXTS = 8


class Scored(NamedTuple):
    """The predictions of one request and the one model that made them all."""

    predictor: Predictor
    predictions: list[Prediction]


class InferenceService:
    """One predictor behind a thread pool and two limits."""

    def __init__(
        self,
        predictor: Predictor,
        *,
        workers: int | None,
        max_concurrency: int,
        max_pending_texts: int,
        on_pending: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start the threads.

        Args:
            predictor: a model that may be called from several threads.
            workers: texts scored at once; None takes one a usable CPU.
            max_concurrency: requests admitted at once.
            max_pending_texts: texts waiting or under way at once.
            on_pending: told how many more of them there are, or fewer.
        """
        self.predictor = predictor
        self.workers = workers or usable_cpus()
        self.admit = Admission(max_concurrency).admit
        self._max_pending = max_pending_texts
        self._pending = 0
        self._on_pending = on_pending
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="inference")

    async def predict(self, texts: Sequence[str], *, by: Predictor | None = None) -> Scored:
        """Label texts, in their order, all by one model.

        Args:
            texts: what to label.
            by: that model, where several calls must have the same; None: the one that serves.

        Raises:
            OverloadedError: if a batch comes while too many texts wait. A few texts fit between
                the slices of others, and a batch that comes alone is always taken.
        """
        batch = len(texts) > _SLICE_TEXTS
        if batch and self._pending and self._pending + len(texts) > self._max_pending:
            raise OverloadedError
        self._pending += len(texts)
        self._on_pending(len(texts))
        try:
            predictor = by or self.predictor
            return Scored(predictor, await self._predict(predictor, texts))
        finally:
            self._pending -= len(texts)
            self._on_pending(-len(texts))

    def swap(self, predictor: Predictor) -> Predictor:
        """Answer new requests by this model; returns the one before.

        A request under way keeps the model that it began with, and the last of them lets it go.
        """
        before, self.predictor = self.predictor, predictor
        return before

    def close(self) -> None:
        """Let running slices end and stop the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _predict(self, predictor: Predictor, texts: Sequence[str]) -> list[Prediction]:
        loop = asyncio.get_running_loop()
        if len(texts) <= _SLICE_TEXTS:
            return await loop.run_in_executor(self._executor, predictor.predict, texts)
        starts = range(0, len(texts), _SLICE_TEXTS)
        parts: dict[int, list[Prediction]] = {}
        turns = iter(starts)  # shared by the lanes: each takes the next slice

        async def lane() -> None:
            for start in turns:
                slice_ = texts[start : start + _SLICE_TEXTS]
                parts[start] = await loop.run_in_executor(self._executor, predictor.predict, slice_)

        async with asyncio.TaskGroup() as lanes:
            for _ in range(min(self.workers, len(starts))):
                lanes.create_task(lane())
        return [prediction for start in starts for prediction in parts[start]]


def usable_cpus() -> int:
    """CPUs that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
