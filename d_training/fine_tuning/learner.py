"""One step of learning: a batch in parts, gradients added up, clipped, and AdamW.

The batch is parted between the processes, and in each into as many parts as
``gradient_accumulation`` says. A part counts by its number of texts, so how a batch is parted
changes nothing but rounding. Each step seeds its own dropout, and the learning rate depends on
the step alone: a training goes on from any step without a generator's or a schedule's state.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.config.training import TrainingSettings
from common.fitting.steps import linear_rate
from d_training.fine_tuning.examples import Examples
from d_training.fine_tuning.processes import Processes
from d_training.fine_tuning.student import Student

if TYPE_CHECKING:
    import torch

_CLIP_NORM = 1.0
# The head starts from nothing and the body from a good place: without a faster head, many labels
# (77 intents) are still half learnt when five are done (discriminative rates, Howard, Ruder 2018).
_HEAD_RATE = 10.0
_HEAD = "classifier."
_WEIGHT, _MOMENT = "weight:", "moment:"


class Learner:
    """A student's weights as they learn over ``steps`` steps, the first being 1."""

    def __init__(
        self,
        student: Student,
        settings: TrainingSettings,
        *,
        steps: int,
        seed: int,
        processes: Processes,
    ) -> None:
        import torch

        self._student, self._settings, self._processes = student, settings, processes
        self._steps, self._seed = steps, seed
        student.model.get_input_embeddings().requires_grad_(not settings.freeze_embeddings)
        self._learnt = {n: p for n, p in student.model.named_parameters() if p.requires_grad}
        self._optimizer = _optimizer(self._learnt, settings)
        # fp16 cannot hold small gradients: the loss is scaled up, and they back down.
        self._scaler = torch.amp.GradScaler(
            student.device.type, enabled=student.precision == "fp16"
        )

    def learn(self, examples: Examples, batch: NDArray[np.int64], *, step: int) -> float:
        """Learn from the texts of ``batch``; returns their mean loss before it."""
        import torch

        torch.manual_seed(_draw(self._seed, step, self._processes.rank))
        loss = torch.zeros((), device=self._student.device)
        parts = np.array_split(self._processes.share(batch), self._settings.gradient_accumulation)
        for part in parts:
            if len(part):
                own = self._loss(examples, part) / len(batch)
                self._scaler.scale(own).backward()
                loss += own.detach()
        self._processes.add_up([*self._gradients(), loss])
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self._learnt.values(), _CLIP_NORM)
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate(step) * group["multiple"]
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def learning_rate(self, step: int) -> float:
        """The body's: up in a line, then down in a line to 0 just after the last step."""
        share = linear_rate(step, steps=self._steps, warmup_share=self._settings.warmup_share)
        return self._settings.learning_rate * share

    def weights(self) -> dict[str, "torch.Tensor"]:
        """A copy, on the CPU, of the weights that learn."""
        return {n: p.detach().to("cpu", copy=True) for n, p in self._learnt.items()}

    def put_weights(self, weights: Mapping[str, "torch.Tensor"]) -> None:
        """Go back to what ``weights`` gave."""
        import torch

        with torch.no_grad():
            for name, parameter in self._learnt.items():
                parameter.copy_(weights[name])

    def tensors(self) -> dict[str, "torch.Tensor"]:
        """All that a snapshot needs, but ``scale``."""
        moments = self._optimizer.state_dict()["state"]
        return {_WEIGHT + name: weight for name, weight in self.weights().items()} | {
            f"{_MOMENT}{index}:{name}": value
            for index, values in moments.items()
            for name, value in values.items()
        }

    def scale(self) -> dict[str, Any]:
        """Where the scaling of the loss is; empty but in fp16."""
        return self._scaler.state_dict()

    def restore(self, tensors: Mapping[str, "torch.Tensor"], scale: dict[str, Any]) -> None:
        """Go back to where ``tensors`` and ``scale`` were taken."""
        self.put_weights(
            {n.removeprefix(_WEIGHT): t for n, t in tensors.items() if n.startswith(_WEIGHT)}
        )
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith(_MOMENT):
                index, moment = name.removeprefix(_MOMENT).split(":")
                moments.setdefault(int(index), {})[moment] = tensor
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": moments})
        if scale:
            self._scaler.load_state_dict(scale)

    def _loss(self, examples: Examples, part: NDArray[np.int64]) -> "torch.Tensor":
        """The sum over the texts of a part."""
        import torch

        targets = torch.from_numpy(examples.targets[part]).to(self._student.device)  # (B, K)
        logits = self._student.logits([examples.tokens[i] for i in part])  # (B, K)
        return torch.nn.functional.cross_entropy(logits, targets, reduction="sum")

    def _gradients(self) -> Iterator["torch.Tensor"]:
        """One a weight; zero where this process had no text of the batch."""
        import torch

        for parameter in self._learnt.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            yield parameter.grad


def _optimizer(
    learnt: Mapping[str, "torch.nn.Parameter"], settings: TrainingSettings
) -> "torch.optim.Optimizer":
    """AdamW, each group with its ``multiple`` of the body's learning rate.

    Matrices alone decay: shrinking biases and norms towards 0 serves nothing.
    """
    import torch

    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, weights in learnt.items():
        multiple = _HEAD_RATE if name.startswith(_HEAD) else 1.0
        decay = settings.weight_decay if weights.ndim >= 2 else 0.0
        groups.setdefault((multiple, decay), []).append(weights)
    return torch.optim.AdamW(
        [
            {"params": weights, "multiple": multiple, "weight_decay": decay}
            for (multiple, decay), weights in groups.items()
        ],
        lr=settings.learning_rate,
    )


def _draw(*numbers: int) -> int:
    """A seed of 64 bits that any of the numbers changes."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
