"""Fine-tuning on soft labels: a plain loop that keeps the weights of the best validation loss.

Loss: cross-entropy against the teacher's whole distribution (which differs from the KL divergence
by a constant). AdamW, linear warm-up and decay, clipped gradients; each step
takes a batch of texts of like length, and the batches come in random order.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.onnx_model import softmax
from common.schema import TrainingSettings
from d_training.metrics import soft_cross_entropy
from d_training.pace import Pace
from d_training.student import Student, predict

if TYPE_CHECKING:
    import torch

_CLIP_NORM = 1.0
logger = logging.getLogger(__name__)


class Examples(NamedTuple):
    """tokens: N lists of ids; targets: (N, K) soft labels."""

    tokens: list[list[int]]
    targets: NDArray[np.float32]


class Look(NamedTuple):
    """One look at the validation rows; ``texts`` counts repeats, losses are in nats."""

    texts: int
    train_loss: float
    validation_loss: float


class Fitted(NamedTuple):
    """What training did; ``best`` indexes ``curve``."""

    curve: list[Look]
    best: int
    seconds: float
    stopped_early: bool

    @property
    def texts_per_second(self) -> float:
        """Looks at the validation rows included."""
        return self.curve[-1].texts / self.seconds


def fit(
    student: Student,
    train: Examples,
    validation: Examples,
    *,
    settings: TrainingSettings,
    seed: int,
) -> Fitted:
    """Train ``student`` in place; it ends with the weights of the best validation loss."""
    import torch

    torch.manual_seed(seed)
    model = student.model.train()
    model.get_input_embeddings().requires_grad_(not settings.freeze_embeddings)
    epochs = planned_epochs(len(train.tokens), settings)
    epoch_steps = -(-len(train.tokens) // settings.batch_size)
    steps = epoch_steps * epochs
    look_every = -(-epoch_steps // settings.looks_per_epoch)
    optimizer = _optimizer(model, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, _ramp(steps, warmup_share=settings.warmup_share)
    )
    curve: list[Look] = []
    losses: list[float] = []
    best_weights: dict[str, torch.Tensor] = {}
    best = texts = 0
    started = time.monotonic()
    with Pace(len(train.tokens) * epochs) as pace:
        for step, batch in enumerate(
            _batches(train.tokens, settings.batch_size, epochs=epochs, seed=seed), start=1
        ):
            losses.append(_learn(student, train, batch, optimizer))
            schedule.step()
            texts += len(batch)
            pace.step(len(batch), loss=losses[-1])
            if step % look_every and step < steps:
                continue
            look = Look(texts, float(np.mean(losses)), mean_loss(student, validation))
            curve.append(look)
            losses.clear()
            if look.validation_loss <= curve[best].validation_loss:
                best = len(curve) - 1
                best_weights = {k: v.to("cpu", copy=True) for k, v in model.state_dict().items()}
            elif len(curve) - 1 - best >= settings.patience:
                break
    seconds = time.monotonic() - started
    model.load_state_dict(best_weights)
    model.eval()
    fitted = Fitted(curve, best, seconds, stopped_early=texts < len(train.tokens) * epochs)
    logger.info(
        "training: %s texts in %.0f s (%.0f/s), best validation loss %.4f after %s texts",
        f"{texts:,}",
        seconds,
        fitted.texts_per_second,
        curve[best].validation_loss,
        f"{curve[best].texts:,}",
    )
    return fitted


def planned_epochs(texts: int, settings: TrainingSettings) -> int:
    """As many epochs as settings allow and the budget of texts, if there is one, pays for."""
    if settings.text_budget is None:
        return settings.epochs
    return min(settings.epochs, max(1, round(settings.text_budget / texts)))


def mean_loss(student: Student, examples: Examples) -> float:
    """The training loss over all ``examples``, without learning from them."""
    return soft_cross_entropy(softmax(predict(student, examples.tokens)), examples.targets)


def _learn(
    student: Student,
    train: Examples,
    batch: NDArray[np.int64],
    optimizer: "torch.optim.Optimizer",
) -> float:
    """One step; returns the loss before it."""
    import torch

    targets = torch.from_numpy(train.targets[batch]).to(student.device)  # (B, K)
    logits = student.logits([train.tokens[i] for i in batch])  # (B, K)
    loss = torch.nn.functional.cross_entropy(logits, targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(student.model.parameters(), _CLIP_NORM)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def _optimizer(model: "torch.nn.Module", settings: TrainingSettings) -> "torch.optim.Optimizer":
    """AdamW that decays matrices only: shrinking biases and norms towards 0 serves nothing."""
    import torch

    learnt = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _ramp(steps: int, *, warmup_share: float) -> Callable[[int], float]:
    """The learning rate's factor at each step: up to 1 in a line, then down to 0 in a line."""
    warmup = max(1, round(steps * warmup_share))
    return lambda step: min((step + 1) / warmup, (steps - step) / max(1, steps - warmup))


def _batches(
    tokens: Sequence[list[int]], size: int, *, epochs: int, seed: int
) -> Iterator[NDArray[np.int64]]:
    """Every epoch's batches: neighbours in length, chosen and ordered anew each time."""
    lengths = np.array([len(ids) for ids in tokens])
    chance = np.random.default_rng(seed)
    for _ in range(epochs):
        order = np.lexsort((chance.random(len(lengths)), lengths))
        starts = chance.permutation(np.arange(0, len(order), size))
        for start in starts:
            yield order[start : start + size]
