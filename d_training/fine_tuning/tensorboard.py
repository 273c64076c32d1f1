"""TensorBoard event files: loss, learning rate and texts/s of each step, validation loss."""

import time
from pathlib import Path
from typing import Self

_FLUSH_S = 10  # what a kill may lose


class EventWriter:
    """Writes into ``folder``, or nowhere if it is None; use as a context manager.

    The axis is texts trained on, which compares runs of any batch size. What an earlier run
    wrote beyond ``start`` texts is superseded.
    """

    def __init__(self, folder: Path | None, *, start: int) -> None:
        self._writer = None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=start + 1, flush_secs=_FLUSH_S)
        self._texts, self._then = start, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def step(self, texts: int, *, loss: float, learning_rate: float) -> None:
        """One step, after which ``texts`` have been trained on."""
        if self._writer is None:
            return
        now = time.monotonic()
        speed = (texts - self._texts) / (now - self._then)
        self._texts, self._then = texts, now
        self._writer.add_scalar("loss/training", loss, texts)
        self._writer.add_scalar("learning_rate", learning_rate, texts)
        self._writer.add_scalar("texts_per_second", speed, texts)

    def look(self, texts: int, *, validation_loss: float) -> None:
        """One look at the validation rows, which the speed of the next step leaves out."""
        if self._writer is not None:
            self._writer.add_scalar("loss/validation", validation_loss, texts)
        self._then = time.monotonic()
