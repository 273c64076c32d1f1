"""What the labels file says, its own sentences and synthetic messages, as training examples.

They are no customer's messages: invented cases whose label is known. Beside the teacher's soft
labels they keep a student of few messages from learning the teacher's mistakes alone. A synthetic
message has a soft label too, the teacher's (data/labeled/synthetic): it learns the mean of both.
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.labels import LabelSchema
from common.synthetic import read_synthetic

SYNTHETIC = "synthetic"  # a folder of data/labeled: text, label, scores
_SMOOTHING = 0.1  # shared out over all labels
# They outnumber the messages of a small set, which at full weight they would drown: the student
# then ranks as well, but is far less sure than it is right.
SYNTHETIC_WEIGHT = 0.5


def schema_lessons(schema: LabelSchema, *, labeled: Path) -> tuple[list[str], NDArray[np.float32]]:
    """The N sentences and messages, and their targets (N, K): a row's sum is what it counts.

    Args:
        schema: that names them.
        labeled: data/labeled; synthetic messages that are not in it have their own label alone.
    """
    own, synthetic = schema.sentences, read_synthetic(schema)
    texts, labels = zip(*own, *synthetic, strict=True)
    targets = np.full((len(texts), len(schema.names)), _SMOOTHING / len(schema.names), np.float32)
    targets[np.arange(len(texts)), labels] += 1 - _SMOOTHING
    soft = _soft_labels(labeled / SYNTHETIC)
    for row, text in enumerate(texts[len(own) :], start=len(own)):
        targets[row] = (targets[row] + soft.get(text, targets[row])) / 2
    targets[len(own) :] *= SYNTHETIC_WEIGHT
    return list(texts), targets


def _soft_labels(folder: Path) -> dict[str, NDArray[np.float32]]:
    """(K,) the teacher's scores of each synthetic message; none where it has read none."""
    if not folder.is_dir():
        return {}
    table = pq.read_table(folder, columns=["text", "scores"])
    scores = np.array(table["scores"].to_pylist(), np.float32)  # (N, K)
    scores /= scores.sum(axis=1, keepdims=True)
    return dict(zip(table["text"].to_pylist(), scores, strict=True))


def describe_label_source(synthetic: int) -> str:
    """What the labels are known from, in words, where there are so many synthetic messages."""
    more = f", to which {synthetic:,} synthetic messages belong" if synthetic else ""
    return f"the wording in labels.yaml alone{more}"
