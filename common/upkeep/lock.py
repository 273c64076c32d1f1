"""Prune, backup and restore exclude one another in a RUN_DIR."""

from contextlib import AbstractContextManager

from common.config.schema import Settings
from common.locks import exclusive


def one_upkeep_at_a_time(settings: Settings) -> AbstractContextManager[None]:
    """Be the only one of them; a TriageError where another is at work."""
    return exclusive(
        settings.paths.cache / ".upkeep.lock",
        busy=f"another prune, backup or restore is at work in {settings.run_dir}; wait for it",
    )
