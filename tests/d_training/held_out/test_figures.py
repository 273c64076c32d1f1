"""What metrics.json says of held-out texts."""

import numpy as np

from d_training.data.rows import Rows
from d_training.held_out.figures import HeldOut


def test_answers_count_every_text_and_who_got_none() -> None:
    teacher = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.2, 0.8]], np.float32)
    ids = np.arange(4)
    abstained = np.array([False, False, True, False])
    rows = Rows(ids, ids, np.array(list("abcd"), object), teacher, abstained, ids < 0)
    student = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2], [0.45, 0.55]], np.float32)
    found = HeldOut(rows, student, 0.6).measure(seed=1, languages={})
    assert found.answers == ((2, 1, 0), (0, 0, 1))
    assert found.confusion == ((1, 1), (0, 1))  # of those that the teacher labeled
