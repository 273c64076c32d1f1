"""How training goes: a bar on a terminal, plain lines elsewhere; loss, texts/s, time left."""

import logging
import sys
import time
from typing import Self

from tqdm import tqdm

from common.log import is_quiet

_LINE_EVERY_S = 10.0
logger = logging.getLogger(__name__)


class ProgressBar:
    """Counts texts up to ``total``; use as a context manager.

    ``done`` texts were trained on by an earlier run; not ``shown``, it keeps silent.
    """

    def __init__(self, total: int, *, done: int = 0, shown: bool = True) -> None:
        self._total = total
        self._earlier = self._done = done
        self._shown = shown
        self._loss = float("nan")
        self._started = self._logged = time.monotonic()
        self._bar = (
            tqdm(total=total, initial=done, desc="training", unit="texts", leave=False)
            if shown and sys.stderr.isatty() and not is_quiet()
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, texts: int, *, loss: float) -> None:
        """Report one batch; the loss shown is smoothed over some thirty batches."""
        self._done += texts
        self._loss = loss if self._loss != self._loss else self._loss + (loss - self._loss) / 30
        if self._bar is not None:
            self._bar.update(texts)
            self._bar.set_postfix(loss=f"{self._loss:.3f}", refresh=False)
            return
        now = time.monotonic()
        if self._shown and now - self._logged >= _LINE_EVERY_S:
            self._logged = now
            speed = (self._done - self._earlier) / (now - self._started)
            logger.info(
                "training: %s of %s texts, loss %.3f, %.0f texts/s, %.0f s left",
                f"{self._done:,}",
                f"{self._total:,}",
                self._loss,
                speed,
                (self._total - self._done) / speed,
            )
