from typing import Any

import numpy as np
import pytest

from d_training.data.split import TEST, TRAIN, VALIDATION, part_conversations

CONVERSATIONS = np.repeat(np.arange(1000, 1400), 3)  # 400 conversations of three rows
LABELS = np.repeat([0] * 300 + [1] * 100, 3)


def parts_of(conversations: Any = CONVERSATIONS, labels: Any = LABELS, seed: int = 5) -> Any:
    return part_conversations(
        conversations, labels, validation_share=0.1, test_share=0.2, seed=seed
    )


def test_each_label_has_its_shares() -> None:
    parts = parts_of()
    for label, conversations in ((0, 300), (1, 100)):
        own = parts[label == LABELS]
        counts = [int((own == part).sum()) for part in (TEST, VALIDATION, TRAIN)]
        assert counts == [conversations * 3 * s // 10 for s in (2, 1, 7)]


def test_no_conversation_is_cut() -> None:
    parts = parts_of().reshape(-1, 3)
    assert (parts == parts[:, :1]).all()


def test_same_seed_same_parts_whatever_the_order_of_rows() -> None:
    parts = parts_of()
    order = np.random.default_rng(0).permutation(len(parts))
    # A conversation has one label here, so that its first row is the same in every order.
    assert (parts_of(CONVERSATIONS[order], LABELS[order]) == parts[order]).all()
    assert (parts_of(seed=6) != parts).any()


def test_rare_label_is_all_training() -> None:
    parts = part_conversations(
        np.array([1, 2]), np.array([0, 0]), validation_share=0.1, test_share=0.1, seed=0
    )
    assert parts.tolist() == [TRAIN, TRAIN]


@pytest.mark.parametrize(
    ("seed", "parts"),
    # By the order of splitmix64 of each id, worked out with Python's own integers.
    [
        (5, [VALIDATION, TRAIN, VALIDATION, TRAIN, TEST]),
        (6, [VALIDATION, TRAIN, TEST, TRAIN, VALIDATION]),
    ],
)
def test_parts_of_negative_and_huge_ids_stay_what_they_are(seed: int, parts: list[Any]) -> None:
    ids = np.array([-(2**63), -1, 0, 1, 2**63 - 1])
    found = part_conversations(
        ids, np.zeros(5, np.int64), validation_share=0.4, test_share=0.2, seed=seed
    )
    assert found.tolist() == parts
