from itertools import islice

import numpy as np

from common.fitting.batches import length_batches

LENGTHS = [5, 1, 3, 9, 2, 8, 4, 7, 6, 10]


def test_an_epoch_has_every_text_once_and_its_batches_hold_neighbours_in_length() -> None:
    epoch = list(islice(length_batches(LENGTHS, 4, seed=1), 3))
    assert sorted(len(batch) for batch in epoch) == [2, 4, 4]
    assert sorted(np.concatenate(epoch)) == list(range(10))
    spans = [sorted(LENGTHS[i] for i in batch) for batch in epoch]
    assert sorted(spans) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_batches_differ_by_epoch_and_are_the_same_for_a_seed() -> None:
    def drawn(seed: int) -> list[list[int]]:
        return [b.tolist() for b in islice(length_batches([1] * 40, 5, seed=seed), 16)]

    first, second = drawn(1)[:8], drawn(1)[8:]
    assert first != second
    assert drawn(1) == [*first, *second]
    assert drawn(2) != drawn(1)
