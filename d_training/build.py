"""Make a model folder: train, export, calibrate what was exported, choose what serves.

describe.py tells of it.
"""

import logging
from pathlib import Path
from typing import Any

from common.config.schema import Settings
from common.labels import LabelSchema
from common.stage.run import Built
from common.synthetic import read_synthetic
from common.text import rules_sha256
from d_training.cards.describe import describe_model
from d_training.data.feedback import Feedback
from d_training.data.training_rows import write_rows
from d_training.export.compare import compare_exports
from d_training.export.onnx import calibrate_exports, export_student
from d_training.fine_tuning.train import train_student

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
    student, fitted, parts, rows, test = train_student(
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
    }
    export_student(student, folder, facts=facts)
    calibrations = calibrate_exports(
        folder,
        parts.validation,
        abstained_share=parts.abstained_share,
        max_length=training.max_length,
    )
    exports = compare_exports(
        folder,
        student,
        parts.test,
        test.tokens,
        calibrations=calibrations,
        max_length=training.max_length,
        limits=training,
    )
    reference = exports.held_out.reference(tokens=[len(ids) for ids in test.tokens])
    figures = describe_model(
        folder,
        facts
        | calibrations[exports.served]._asdict()
        | {
            "precision": student.precision,
            "device": student.device.type,
            "reference": reference.model_dump(),
        },
        parts=parts,
        fitted=fitted,
        held_out=exports.held_out,
        exports=exports,
        rows=rows,
        settings=settings,
    )
    return Built(rows, figures)
