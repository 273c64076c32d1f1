"""What a member of a teacher is: the one interface of the embedding and the NLI teacher."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.config.classification import ClassificationSettings
from common.labels import LabelSchema
from common.onnx.device import Device

Scores = NDArray[np.float32]
Among = NDArray[np.bool_]  # (N, K), the labels that a text may have


class Member(Protocol):
    """Scores texts against the label schema; each text alone, whatever stands beside it."""

    def __init__(
        self,
        settings: ClassificationSettings,
        schema: LabelSchema,
        folder: Path,
        *,
        threads: int,
        device: Device = "cpu",
    ) -> None: ...

    def score(self, texts: Sequence[str], among: Among | None = None) -> Scores:
        """(N, K) float32 in [0, 1], columns in schema order.

        Rows sum to 1, except where the member scores each label apart (``nli.multi_label``). A
        member that pays for each label scores only those of ``among``, and the others 0.
        """
        ...
