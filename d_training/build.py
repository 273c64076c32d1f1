"""Make a model folder: training, calibration, export, parity; describe.py tells of it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from common.config.schema import Settings
from common.labels import LabelSchema
from common.onnx.model import softmax
from common.stage.run import Built
from common.synthetic import read_synthetic
from common.text import rules_sha256
from d_training.cards.describe import describe_model
from d_training.data.feedback import Feedback
from d_training.data.training_rows import write_rows
from d_training.export.compare import compare_exports
from d_training.export.onnx import export_student
from d_training.fine_tuning.batches import Examples
from d_training.fine_tuning.calibration import abstain_threshold, fit_temperature
from d_training.fine_tuning.student import Student, predict
from d_training.fine_tuning.train import train_student
from d_training.held_out.figures import HeldOut

logger = logging.getLogger(__name__)


def build_model(
    folder: Path,
    *,
    checkpoint: Path,
    origin: dict[str, Any],
    schema: LabelSchema,
    feedback: Feedback | None,
    settings: Settings,
) -> Built:
    """Train a student, export it into ``folder`` and describe it there.

    Args:
        folder: the empty folder that becomes the model folder.
        checkpoint: where the student starts from.
        origin: what names the model and where it comes from; metrics.json repeats it.
        schema: the labels.
        feedback: labels that people gave, if there are any.
        settings: the run's.

    Raises:
        DataError: if the labeled rows don't suffice.
        TriageError: if the export doesn't compute what the trained model does.
    """
    training = settings.training
    student, fitted, parts, rows, validation, test = train_student(
        settings,
        schema=schema,
        checkpoint=checkpoint,
        model_id=origin["model_id"],
        feedback=feedback,
    )
    write_rows(folder, parts)
    facts = origin | {
        "labels": schema.names,
        "labels_sha256": schema.sha256,
        "synthetic_messages": len(read_synthetic(schema)),
        "text_rules_sha256": rules_sha256(),
        "max_length": training.max_length,
        **_calibration(student, validation, abstained_share=parts.abstained_share),
    }
    export_student(student, folder, facts=facts)
    exports = compare_exports(
        folder, student, parts.test, test.tokens, facts=facts, limits=training
    )
    probs = softmax(exports.logits / np.float32(facts["temperature"]))
    held_out = HeldOut(parts.test, probs, facts["abstain_threshold"])
    reference = held_out.reference(tokens=[len(ids) for ids in test.tokens])
    figures = describe_model(
        folder,
        facts
        | {
            "precision": student.precision,
            "device": student.device.type,
            "reference": reference.model_dump(),
        },
        parts=parts,
        fitted=fitted,
        held_out=held_out,
        exports=exports,
        rows=rows,
        settings=settings,
    )
    return Built(rows, figures)


def _calibration(
    student: Student, validation: Examples, *, abstained_share: float
) -> dict[str, float]:
    logits = predict(student, validation.tokens)
    temperature = fit_temperature(logits, validation.targets)
    confidence = softmax(logits / np.float32(temperature)).max(axis=1)
    return {
        "temperature": temperature,
        "abstain_threshold": abstain_threshold(confidence, share=abstained_share),
    }
