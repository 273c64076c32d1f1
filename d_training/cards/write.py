"""Make models/cards/<model_id>: model_card.md, data_card.md and plots/, from the model folder.

They lie beside the model folder, which never changes, and are made anew where their own code or
the model's metrics have changed.
"""

from pathlib import Path

from common.models.metrics import read_metrics
from common.models.registry import (
    CARD,
    DATA_CARD,
    METRICS,
    PLOTS,
    cards_folder,
    model_folder,
)
from common.stage.manifest import MANIFEST, RowCounts, require_manifest
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from d_training.cards.data_card import data_card
from d_training.cards.model_card import model_card
from d_training.cards.plots import draw_plots

CODE = ("d_training.cards.write",)  # what decides the output, with all that these import


def write_cards(models: Path, model_id: str) -> Path:
    """Bring the cards of a model up to date and return their folder.

    Raises:
        DataError: if the model is missing, or an older version of this code trained it.
    """
    folder = model_folder(models, model_id)
    rows = require_manifest(folder, made_by="train_model").rows
    metrics = read_metrics(folder)

    def build(target: Path) -> Built:
        (target / CARD).write_text(model_card(metrics), encoding="utf-8")
        (target / DATA_CARD).write_text(data_card(metrics, rows), encoding="utf-8")
        draw_plots(target / PLOTS, metrics)
        return Built(RowCounts(taken=0, out=0), {})

    plan = plan_stage(
        "cards",
        code=CODE,
        settings=None,
        inputs=[folder / METRICS, folder / MANIFEST],
    )
    output = cards_folder(models, model_id)
    run_stage(plan, output=output, build=build)
    return output
