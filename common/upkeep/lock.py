"""Who is at work in a RUN_DIR, and what another command keeps in use."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from common.config.schema import Settings
from common.errors import TriageError
from common.locks import exclusive

BUSY = "another command is at work on it"


def one_upkeep_at_a_time(settings: Settings) -> AbstractContextManager[None]:
    """Be the only prune, backup or restore; a TriageError where another is at work."""
    return exclusive(
        settings.paths.cache / ".upkeep.lock",
        busy=f"another prune, backup or restore is at work in {settings.run_dir}; wait for it",
    )


@contextmanager
def is_free(lock: AbstractContextManager[object]) -> Iterator[bool]:
    """Whether nobody holds a lock; nobody else does within the block."""
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except TriageError:
            yield False
        else:
            yield True
