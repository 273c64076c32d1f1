"""Stage a, source -> data/raw: land raw rows as Parquet, quarantine what cannot be read.

``run(settings)`` lands the chosen source; ``python -m a_ingestion`` runs it.
"""

from common.artifacts import Manifest
from common.schema import Settings

__all__ = ["run"]


def run(settings: Settings) -> Manifest:
    """Bring data/raw up to date and return its manifest."""
    from a_ingestion.stage import land_source

    return land_source(settings)
