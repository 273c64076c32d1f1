"""Batches of texts of like length: little is computed on padding."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def length_batches(lengths: Sequence[int], size: int, *, seed: int) -> Iterator[NDArray[np.int64]]:
    """Positions of ``size`` neighbours in length, chosen and ordered anew in each endless epoch."""
    by_length = np.asarray(lengths)
    draw = np.random.default_rng(seed)
    while True:
        order = np.lexsort((draw.random(len(by_length)), by_length))
        for start in draw.permutation(np.arange(0, len(order), size)):
            yield order[start : start + size]
