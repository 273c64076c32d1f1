"""Stage a, source -> data/raw: land raw rows as Parquet, quarantine what cannot be read.

``run(settings)`` lands the chosen source; ``python -m a_ingestion`` runs it.
"""

from common.config.schema import Settings
from common.stage.manifest import Manifest

__all__ = ["run"]


def run(settings: Settings) -> Manifest:
    """Bring data/raw up to date and return its manifest."""
    from a_ingestion.stage import land_source

    return land_source(settings)
