"""Stage b, data/raw -> data/curated: type, clean, thread and check the messages, with PySpark.

``run(settings)`` curates what stage a landed; ``python -m b_transformation`` runs it.
"""

from common.config.schema import Settings
from common.locks import reading
from common.stage.manifest import Manifest

__all__ = ["run"]


def run(settings: Settings) -> Manifest:
    """Bring data/curated up to date and return its manifest."""
    from b_transformation.stage import curate_messages

    with reading(settings.paths.raw):
        return curate_messages(settings)
