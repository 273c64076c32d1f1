"""One process at a time: a lock file that says who is in the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.errors import TriageError


@contextmanager
def exclusive(lock: Path, *, busy: str, timeout_s: float = 0) -> Iterator[None]:
    """Hold ``lock``, a file that is made with its folder where there is none.

    Args:
        lock: the same path in all processes that exclude one another.
        busy: the error where another process holds it: what it does, and the remedy.
        timeout_s: seconds to wait for it.

    Raises:
        TriageError: saying ``busy``.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=timeout_s)
    except Timeout:
        raise TriageError(busy) from None
    try:
        yield
    finally:
        held.release()
