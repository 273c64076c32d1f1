"""One process at a time, or many that read: a lock file, and a word on who is in the way."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.errors import TriageError

logger = logging.getLogger(__name__)


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


@contextmanager
def reading(*outputs: Path) -> Iterator[None]:
    """Keep what stages have published as it is: who would replace or remove it waits so long."""
    with ExitStack() as held:
        for output in outputs:
            if output.parent.is_dir():
                waiting = f"waiting for the command that replaces {output}"
                held.enter_context(_held(output, fcntl.LOCK_SH, waiting))
        yield


@contextmanager
def replacing(output: Path) -> Iterator[None]:
    """Replace or remove what a stage has published, once nobody reads it."""
    with _held(output, fcntl.LOCK_EX, f"waiting for the command that reads {output}"):
        yield


@contextmanager
def _held(output: Path, kind: int, waiting: str) -> Iterator[None]:
    lock = output.parent / f".{output.name}.readers.lock"
    with lock.open("a") as file:  # whose end releases it
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s", waiting)
            fcntl.flock(file, kind)
        yield
