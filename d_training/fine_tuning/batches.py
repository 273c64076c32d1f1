"""What the student learns from, in batches of like length."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Examples(NamedTuple):
    """tokens: N lists of ids; targets: (N, K) soft labels, a row's sum being what it counts."""

    tokens: list[list[int]]
    targets: NDArray[np.float32]


def batches(
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
