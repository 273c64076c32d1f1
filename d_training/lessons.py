"""What the labels file says, its own sentences and synthetic messages, as training examples.

They are no customer's messages: invented cases whose label is known. Beside the teacher's soft labels
they keep a student of few messages from learning the teacher's mistakes alone.
"""

import numpy as np
from numpy.typing import NDArray

from common.labels import LabelSchema
from common.synthetic import read_synthetic

_SMOOTHING = 0.1  # shared out over all labels


def schema_lessons(schema: LabelSchema) -> tuple[list[str], NDArray[np.float32]]:
    """The N sentences and messages, and their targets (N, K), whose rows sum to 1."""
    texts, labels = zip(*schema.sentences, *read_synthetic(schema), strict=True)
    targets = np.full((len(texts), len(schema.names)), _SMOOTHING / len(schema.names), np.float32)
    targets[np.arange(len(texts)), labels] += 1 - _SMOOTHING
    return list(texts), targets
