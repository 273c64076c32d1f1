"""Which conversation a message belongs to: follow replies to the root by doubling pointers.

In each round a message's pointer takes over the pointer of the message that it points to, so that
n rounds climb 2**n replies. Messages are numbered in the order of their ids.
"""

from typing import NamedTuple

import numpy as np

from b_transformation.columns.ids import NOTHING, Ints


class Threads(NamedTuple):
    """``conversation_ids``: (N,) id of each message's root; and what was unusual, counted."""

    conversation_ids: Ints
    missing_parents: int
    cycles: int
    cut: int


def find_places(ids: Ints, wanted: Ints) -> Ints:
    """(M,) place of each ``wanted`` id in the sorted ``ids`` (N,), or NOTHING."""
    if not len(ids):
        return np.full(len(wanted), NOTHING, np.int64)
    places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[places] == wanted, places, NOTHING)


def resolve_threads(ids: Ints, parent_ids: Ints, parents: Ints, *, rounds: int) -> Threads:
    """Find the root of every message.

    A parent that is not in the data is a root all the same: those who answer it share its id. A
    cycle has no root; its smallest id stands in. Where ``rounds`` are too few to climb the longest
    chain that N messages could make, a message that did not arrive keeps the ancestor it reached.

    Args:
        ids: (N,) sorted, distinct.
        parent_ids: (N,) the id that each message replies to, NOTHING for none.
        parents: (N,) place of that id in ``ids``, NOTHING for none or missing.
        rounds: doubling rounds at most.
    """
    own = np.arange(len(ids), dtype=np.int64)
    step = np.where(parents == NOTHING, own, parents)
    ancestors = step
    for _ in range(rounds):
        further = ancestors[ancestors]
        if np.array_equal(further, ancestors):
            break
        ancestors = further

    adrift = step[ancestors] != ancestors
    climbed_all = 2**rounds >= len(ids)
    cycles = 0
    if climbed_all and adrift.any():
        on_cycle = np.unique(ancestors[adrift])
        smallest = _smallest_of_cycles(step, on_cycle)
        cycles = len(np.unique(smallest))
        ancestors[adrift] = smallest[np.searchsorted(on_cycle, ancestors[adrift])]

    is_orphan = (parents == NOTHING) & (parent_ids != NOTHING)
    return Threads(
        conversation_ids=np.where(is_orphan, parent_ids, ids)[ancestors],
        missing_parents=int(np.count_nonzero(is_orphan)),
        cycles=cycles,
        cut=0 if climbed_all else int(np.count_nonzero(adrift)),
    )


def _smallest_of_cycles(step: Ints, on_cycle: Ints) -> Ints:
    """For each place on a cycle the smallest place of that cycle, again by doubling."""
    ahead = np.searchsorted(on_cycle, step[on_cycle])
    smallest = on_cycle
    for _ in range(len(on_cycle).bit_length()):
        smallest = np.minimum(smallest, smallest[ahead])
        ahead = ahead[ahead]
    return smallest
