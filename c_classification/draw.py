"""A few texts out of millions in one pass: seeded, distinct, the same whatever their order."""

import hashlib
import heapq
from typing import Generic, TypeVar

T = TypeVar("T")


class Draw(Generic[T]):
    """Keeps the ``size`` items of lowest rank; equal ranks are one item."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[int, T] = {}
        self._highest_first: list[int] = []  # a heap of the kept ranks, negated

    def offer(self, rank: int, item: T) -> None:
        """Keep ``item`` if its rank, from ``rank_of``, is among the lowest so far."""
        if rank in self._kept:
            return
        self._kept[rank] = item
        heapq.heappush(self._highest_first, -rank)
        if len(self._kept) > self._size:
            del self._kept[-heapq.heappop(self._highest_first)]

    def items(self) -> list[T]:
        """What was kept, by rank."""
        return [self._kept[rank] for rank in sorted(self._kept)]


def rank_of(text: str, *, seed: int) -> int:
    """A number that looks random and depends on the text and the seed alone."""
    salt = seed.to_bytes(8, "big")
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, salt=salt).digest()
    return int.from_bytes(digest, "big")
