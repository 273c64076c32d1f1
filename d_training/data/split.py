"""Which conversations train, which stop the training early, which are held for the report.

A conversation is never cut. Its place depends on the seed, its id and its label's share alone, so
that the split is the same whatever the order of the rows.
"""

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2


def part_conversations(
    conversations: NDArray[np.int64],
    labels: NDArray[np.int64],
    *,
    validation_share: float,
    test_share: float,
    seed: int,
) -> NDArray[np.int8]:
    """Part rows by conversation, with like shares of each label.

    Args:
        conversations: (N,) ids.
        labels: (N,) label indices; a conversation is stratified by the one of its first row.
        validation_share: of each label's conversations.
        test_share: of each label's conversations.
        seed: decides which ones.

    Returns:
        (N,) TRAIN, VALIDATION or TEST. A label with too few conversations is all TRAIN.
    """
    ids, first, which = np.unique(conversations, return_index=True, return_inverse=True)
    chance = _mixed(ids, seed)
    strata = labels[first]
    parts = np.full(len(ids), TRAIN, np.int8)
    for label in np.unique(strata):
        members = np.flatnonzero(strata == label)
        members = members[np.argsort(chance[members], kind="stable")]
        test = round(len(members) * test_share)
        validation = round(len(members) * validation_share)
        parts[members[:test]] = TEST
        parts[members[test : test + validation]] = VALIDATION
    return parts[which]


def _mixed(ids: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A well-mixed 64-bit number an id (the finaliser of splitmix64; products wrap around)."""
    start = (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    mixed = ids.astype(np.uint64) + np.uint64(start)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
