"""Stage c, data/curated -> data/labeled: weak soft labels from a zero-shot teacher, no hand labels.

``run(settings)`` labels every curated message; ``python -m c_classification`` runs it.
"""

from common.config.schema import Settings
from common.locks import reading
from common.stage.manifest import Manifest

__all__ = ["run"]


def run(settings: Settings) -> Manifest:
    """Bring data/labeled up to date and return its manifest."""
    from c_classification.stage import label_messages

    with reading(settings.paths.curated):
        return label_messages(settings)
