"""What a model folder says about its model: metrics.json, model_card.md, labels.yaml, plots."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.onnx_model import cpu_flags
from d_training import plots
from d_training.card import model_card
from d_training.export import Parity
from d_training.fit import Fitted
from d_training.held_out import HeldOut
from d_training.rows import Parts

LABELS, METRICS, CARD, PLOTS = "labels.yaml", "metrics.json", "model_card.md", "plots"


def describe_model(
    folder: Path,
    facts: dict[str, Any],
    *,
    parts: Parts,
    fitted: Fitted,
    held_out: HeldOut,
    parity: dict[str, Parity],
    labels_file: Path,
    seed: int,
) -> dict[str, Any]:
    """Write the descriptions and return the figures that the manifest repeats."""
    measured = held_out.figures(seed=seed)
    facts = facts | {
        "macro_f1_held_out": measured["macro_f1"],
        "held_out": measured,
        "parity": {name: found._asdict() for name, found in parity.items()},
        "cpu_flags": cpu_flags(),
        "rows": {
            "train": len(parts.train),
            "validation": len(parts.validation),
            "test": len(parts.test),
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
    shutil.copyfile(labels_file, folder / LABELS)
    (folder / METRICS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(model_card(facts), encoding="utf-8")
    _draw(folder / PLOTS, facts["labels"], parts=parts, fitted=fitted, held_out=held_out)
    return {
        "macro_f1_held_out": measured["macro_f1"],
        "teacher_agreement": measured["teacher_agreement"],
        "int8_agreement": parity["int8"].agreement,
        "training_seconds": facts["training"]["seconds"],
        "texts_per_second": facts["training"]["texts_per_second"],
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
