"""How far a training has come: its curve, its best weights, and the snapshots it goes on from."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from d_training.fine_tuning.learner import Learner
from d_training.fine_tuning.snapshot import load_snapshot, save_snapshot

if TYPE_CHECKING:
    import torch

_LEARNER, _BEST = "learner:", "best:"
logger = logging.getLogger(__name__)


class Look(NamedTuple):
    """One look at the validation rows; ``texts`` counts repeats, losses are in nats."""

    texts: int
    train_loss: float
    validation_loss: float


@dataclass
class Progress:
    """losses: since the last look; best: indexes ``curve``; earlier_s: what killed runs took."""

    step: int = 0
    texts: int = 0
    losses: list[float] = field(default_factory=list)
    curve: list[Look] = field(default_factory=list)
    best: int = 0
    best_weights: dict[str, "torch.Tensor"] = field(default_factory=dict)
    earlier_s: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Spent on training, in all runs; what a kill undid is not counted."""
        return self.earlier_s + time.monotonic() - self.started

    @property
    def looks_since_best(self) -> int:
        """How many looks found no better validation loss."""
        return len(self.curve) - 1 - self.best

    def advance(self, texts: int, *, loss: float) -> None:
        """Count one step."""
        self.step += 1
        self.texts += texts
        self.losses.append(loss)

    def look(self, validation_loss: float) -> bool:
        """Add to the curve; returns whether this is the best yet."""
        self.curve.append(Look(self.texts, float(np.mean(self.losses)), validation_loss))
        self.losses.clear()
        if validation_loss > self.curve[self.best].validation_loss:
            return False
        self.best = len(self.curve) - 1
        return True


def resume(folder: Path | None, learner: Learner) -> Progress:
    """Put ``learner`` where the last snapshot was taken, if there is one; else start at 0."""
    snapshot = load_snapshot(folder) if folder else None
    if snapshot is None:
        return Progress()
    state = snapshot.state
    learner.restore(_named(snapshot.tensors, _LEARNER), state["scale"])
    logger.info("training goes on after %s texts", f"{state['texts']:,}")
    return Progress(
        step=state["step"],
        texts=state["texts"],
        losses=state["losses"],
        curve=[Look(*look) for look in state["curve"]],
        best=state["best"],
        best_weights=_named(snapshot.tensors, _BEST),
        earlier_s=state["seconds"],
    )


class Keeper:
    """Takes a snapshot every ``every_s`` seconds; none where ``folder`` is None."""

    def __init__(self, folder: Path | None, *, every_s: float) -> None:
        self._folder, self._every_s = folder, every_s
        self._last = time.monotonic()

    def save_if_due(self, progress: Progress, learner: Learner) -> None:
        """Take one, if it is time."""
        if self._folder is None or time.monotonic() - self._last < self._every_s:
            return
        best = {_BEST + name: weight for name, weight in progress.best_weights.items()}
        save_snapshot(
            self._folder,
            step=progress.step,
            tensors={_LEARNER + name: t for name, t in learner.tensors().items()} | best,
            state={
                "step": progress.step,
                "texts": progress.texts,
                "losses": progress.losses,
                "curve": progress.curve,
                "best": progress.best,
                "seconds": progress.seconds,
                "scale": learner.scale(),
            },
        )
        self._last = time.monotonic()


def _named(tensors: dict[str, "torch.Tensor"], prefix: str) -> dict[str, "torch.Tensor"]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
