"""What the student learns from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Examples(NamedTuple):
    """tokens: N lists of ids; targets: (N, K) soft labels, a row's sum being what it counts."""

    tokens: list[list[int]]
    targets: NDArray[np.float32]
