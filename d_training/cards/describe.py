"""What a model folder says about its model: metrics.json, model_card.md, labels.yaml, plots."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.config.schema import Settings
from common.models.registry import CARD, DATA_CARD, LABELS, METRICS, PLOTS
from common.onnx.model import cpu_flags
from common.stage.manifest import RowCounts
from d_training.cards import plots
from d_training.cards.data_card import data_card
from d_training.cards.model_card import model_card
from d_training.data.lineage import data_manifests
from d_training.data.rows import Parts
from d_training.export.compare import Exports
from d_training.fine_tuning.fit import Fitted
from d_training.held_out.figures import HeldOut
from d_training.held_out.slices import slice_agreement


def describe_model(
    folder: Path,
    facts: dict[str, Any],
    *,
    parts: Parts,
    fitted: Fitted,
    held_out: HeldOut,
    exports: Exports,
    rows: RowCounts,
    settings: Settings,
) -> dict[str, Any]:
    """Write the descriptions and return the figures that the manifest repeats."""
    measured = held_out.figures(seed=settings.seed)
    made_by = data_manifests(settings.paths)
    curated = settings.paths.curated if "b_transformation" in made_by else None
    facts = facts | {
        "macro_f1_held_out": measured["macro_f1"],
        "held_out": measured,
        "served": exports.served,
        "int8_checks": [check.model_dump() for check in exports.checks],
        "exports": exports.table,
        "parity": {name: found._asdict() for name, found in exports.parity.items()},
        "slices": slice_agreement(held_out, curated),
        "cpu_flags": cpu_flags(),
        "rows": {
            "train": len(parts.train),
            "validation": len(parts.validation),
            "test": len(parts.test),
            "human": int(parts.train.human.sum()),
        },
        "teacher_abstained_share": parts.abstained_share,
        "training": {
            "seconds": round(fitted.seconds, 1),
            "texts_per_second": round(fitted.texts_per_second, 1),
            "texts_seen": fitted.curve[-1].texts,
            "stopped_early": fitted.stopped_early,
            "kept": fitted.curve[fitted.best]._asdict(),
            "curve": [look._asdict() for look in fitted.curve],
        },
    }
    shutil.copyfile(settings.labels, folder / LABELS)
    (folder / METRICS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card(facts), encoding="utf-8")
    told = data_card(facts, made_by, rows=rows, settings=settings)
    (folder / DATA_CARD).write_text(told, encoding="utf-8")
    _draw(folder / PLOTS, facts["labels"], parts=parts, fitted=fitted, held_out=held_out)
    return {
        "macro_f1_held_out": measured["macro_f1"],
        "teacher_agreement": measured["teacher_agreement"],
        "int8_agreement": exports.parity["int8"].agreement,
        "served": exports.served,
        "training_seconds": facts["training"]["seconds"],
        "texts_per_second": facts["training"]["texts_per_second"],
        **({"tuning": facts["tuning"]} if "tuning" in facts else {}),
    }


def _draw(
    folder: Path, labels: tuple[str, ...], *, parts: Parts, fitted: Fitted, held_out: HeldOut
) -> None:
    folder.mkdir()
    plots.draw_confusion(folder / "confusion_matrix.png", held_out.confusion, labels)
    plots.draw_reliability(folder / "reliability.png", held_out.confidence, held_out.agrees)
    plots.draw_label_shares(
        folder / "label_distribution.png",
        {
            "teacher, training texts": _shares(parts.train.labels, len(labels)),
            "teacher, held-out texts": _shares(parts.test.labels, len(labels)),
            "student, held-out texts": _shares(held_out.probs.argmax(axis=1), len(labels)),
        },
        labels,
    )
    plots.draw_learning_curve(folder / "learning_curve.png", fitted)


def _shares(labels: NDArray[np.integer], count: int) -> NDArray[np.float64]:
    return np.bincount(labels, minlength=count) / len(labels)
