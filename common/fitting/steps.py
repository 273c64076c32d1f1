"""Steps of AdamW whose learning rate rises in a line and falls in a line."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from common.log import progress

if TYPE_CHECKING:
    import torch

_WEIGHT_DECAY = 0.01
T = TypeVar("T")


def linear_rate(step: int, *, steps: int, warmup_share: float) -> float:
    """The share of the highest learning rate at ``step`` (1 is the first), in (0, 1].

    It reaches 1 at the end of the warm-up, and would be 0 just after the last step.
    """
    warmup = max(1, round(warmup_share * steps))
    return min(step / warmup, (steps - step + 1) / (steps - warmup + 1))


def take_steps(
    batches: Iterable[T],
    loss: Callable[[T], "torch.Tensor"],
    weights: Iterable["torch.nn.Parameter"],
    *,
    steps: int,
    learning_rate: float,
    warmup_share: float,
    what: str,
    clip_norm: float = math.inf,
) -> None:
    """Train ``weights`` in place, a step a batch.

    Args:
        batches: as many as ``steps`` are taken.
        loss: the mean loss of a batch, a scalar.
        weights: those that need no gradient stay.
        steps: how many.
        learning_rate: the highest.
        warmup_share: of the steps, in which the rate rises.
        what: the name of the progress bar.
        clip_norm: the longest gradient, over all weights.
    """
    import torch

    trained = [weight for weight in weights if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, weight_decay=_WEIGHT_DECAY)
    pairs = zip(range(1, steps + 1), batches, strict=False)
    for step, batch in progress(pairs, total=steps, what=what, unit="steps"):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * linear_rate(step, steps=steps, warmup_share=warmup_share)
        optimizer.zero_grad()
        loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(trained, clip_norm)
        optimizer.step()
