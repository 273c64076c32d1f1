"""Stage d, data/labeled -> models/<model_id>: distil the soft labels into a small BERT.

``run(settings)`` trains, exports, judges and promotes; ``python -m d_training`` runs it, and
``torchrun --nproc-per-node 2 -m d_training`` does so in several processes.
"""

from common.config.schema import Settings
from common.locks import reading
from common.stage.manifest import Manifest

__all__ = ["run"]


def run(settings: Settings, *, force: bool = False, tuned: bool = False) -> Manifest:
    """Bring the model of the present labels up to date, return its manifest.

    A new one serves if the gate lets it through, or whatever the gate says where ``force`` is set.
    ``tuned`` trains with the best settings that ``python -m d_training tune`` has found.

    Raises:
        DataError: if there is nothing to train on, or no finished trial where ``tuned`` is set.
        RefusedError: if the gate refuses it; what served before still serves.
    """
    from common.tracking.records import Tracker
    from d_training.experiment import Experiment
    from d_training.stage import train_model

    with reading(settings.paths.curated, settings.paths.labeled):
        return train_model(
            Experiment(settings, tuned=tuned),
            on_built=Tracker(settings),
            limits=settings.gate,
            threads=settings.serving.threads,
            force=force,
        )
