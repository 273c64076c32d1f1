"""What the labels file says, its own sentences and synthetic messages, as training examples.

They are no customer's messages: invented cases whose label is known. Beside the teacher's soft
labels they keep a student of few messages from learning the teacher's mistakes alone.
"""

import numpy as np
from numpy.typing import NDArray

from common.labels import LabelSchema
from common.synthetic import read_synthetic

_SMOOTHING = 0.1  # shared out over all labels
# They outnumber the messages of a small set, which at full weight they would drown: the student
# then ranks as well, but is far less sure than it is right.
SYNTHETIC_WEIGHT = 0.5


def schema_lessons(schema: LabelSchema) -> tuple[list[str], NDArray[np.float32]]:
    """The N sentences and messages, and their targets (N, K): a row's sum is what it counts."""
    own, synthetic = schema.sentences, read_synthetic(schema)
    texts, labels = zip(*own, *synthetic, strict=True)
    targets = np.full((len(texts), len(schema.names)), _SMOOTHING / len(schema.names), np.float32)
    targets[np.arange(len(texts)), labels] += 1 - _SMOOTHING
    targets[len(own) :] *= SYNTHETIC_WEIGHT
    return list(texts), targets


def describe_label_source(synthetic: int) -> str:
    """What the labels are known from, in words, where there are so many synthetic messages."""
    more = f", to which {synthetic:,} synthetic messages belong" if synthetic else ""
    return f"the wording in labels.yaml alone{more}"
