"""How many may be under way at once; one more is refused at once, and nobody waits in line."""

from collections.abc import Iterator
from contextlib import contextmanager


class OverloadedError(Exception):
    """More work is under way than the limits allow."""


class Admission:
    """A count with a limit, for use on one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count one for as long as it lasts.

        Raises:
            OverloadedError: if as many as are allowed are under way.
        """
        if self._inside >= self._limit:
            raise OverloadedError
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
