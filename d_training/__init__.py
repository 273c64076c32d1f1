"""Stage d, data/labeled -> models/<experiment_id>: distil the soft labels into a small BERT.

``run(settings)`` trains, exports, checks and promotes; ``python -m d_training`` runs it.
"""

from common.artifacts import Manifest
from common.schema import Settings

__all__ = ["run"]


def run(settings: Settings) -> Manifest:
    """Bring the model of the present labels up to date, promote it, return its manifest."""
    from d_training.stage import train_model

    return train_model(settings)
