"""Which rows train where there are more than the limit allows.

As even over the labels as can be: 500 rows so chosen of 1,072 real ones gave 0.02 more macro-F1
against the teacher than 500 at random. Within a label chance decides: the most confident rows
alone cost 0.04, for they are the easy ones. Weighing rare labels up in the loss cost 0.05 to 0.1,
since it bends the soft labels themselves.
"""

import numpy as np
from numpy.typing import NDArray


def sample_balanced(labels: NDArray[np.int64], *, limit: int, seed: int) -> NDArray[np.int64]:
    """Positions of ``limit`` rows, as even over the labels as their numbers allow, in order.

    A label with fewer rows than its even share gives all that it has, and the others share
    what is left; within a label chance decides.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    groups = sorted((shuffled[labels[shuffled] == label] for label in np.unique(labels)), key=len)
    chosen: list[NDArray[np.int64]] = []
    left = min(limit, len(labels))
    for waiting, group in zip(range(len(groups), 0, -1), groups, strict=True):
        share = min(len(group), -(-left // waiting))
        chosen.append(group[:share])
        left -= share
    return np.sort(np.concatenate(chosen)) if chosen else shuffled
