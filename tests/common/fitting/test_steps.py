from collections.abc import Iterator

import pytest
import torch

from common.fitting.steps import linear_rate, take_steps


@pytest.mark.parametrize(
    ("steps", "warmup_share", "expected"),
    [
        (5, 0.4, [1 / 2, 1, 3 / 4, 2 / 4, 1 / 4]),
        (4, 0, [1, 3 / 4, 2 / 4, 1 / 4]),  # the first step is the warm-up
        (3, 1, [1 / 3, 2 / 3, 1]),
        (1, 0.1, [1]),
    ],
)
def test_the_rate_rises_in_the_warm_up_then_falls_to_its_last_step(
    steps: int, warmup_share: float, expected: list[float]
) -> None:
    rates = [linear_rate(s, steps=steps, warmup_share=warmup_share) for s in range(1, steps + 1)]
    assert rates == pytest.approx(expected)


def train(*, steps: int, clip_norm: float = 1.0) -> tuple[list[float], torch.nn.Parameter]:
    """Losses of a weight that falls from 1 towards 0, and a weight that does not learn."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    frozen = torch.nn.Parameter(torch.tensor([2.0]), requires_grad=False)
    losses: list[float] = []

    def endless() -> Iterator[float]:
        while True:
            yield 3.0

    def loss(batch: float) -> torch.Tensor:
        found = batch * weight.square().sum() + frozen.sum()
        losses.append(found.item())
        return found

    take_steps(
        endless(), loss, [weight, frozen], steps=steps, learning_rate=0.1, warmup_share=0.5,
        what="test", clip_norm=clip_norm,
    )  # fmt: skip
    return losses, frozen


def test_as_many_steps_are_taken_and_each_lowers_the_loss() -> None:
    losses, frozen = train(steps=4)
    assert len(losses) == 4
    assert losses == sorted(losses, reverse=True)
    # The first step of AdamW moves a weight by the rate, half of 0.1, and decay by 0.01 of that.
    assert losses[1] == pytest.approx(3 * (1 - 0.05 * 1.01) ** 2 + 2, abs=1e-5)
    assert frozen.item() == 2


def test_a_gradient_of_no_length_moves_nothing_but_decay() -> None:
    losses, _ = train(steps=4, clip_norm=0)
    assert losses[1] == pytest.approx(3 * (1 - 0.05 * 0.01) ** 2 + 2, abs=1e-5)
