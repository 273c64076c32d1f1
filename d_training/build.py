"""Make a model folder: rows, training, calibration, export, parity; describe.py tells of it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from common.artifacts import Built
from common.artifacts import Rows as RowCounts
from common.labels import LabelSchema
from common.onnx_model import softmax
from common.schema import Settings, TrainingSettings
from common.text import rules_sha256
from d_training.calibration import abstain_threshold, fit_temperature
from d_training.describe import describe_model
from d_training.export import export_student
from d_training.export_table import compare_exports
from d_training.fit import Examples, fit
from d_training.held_out import HeldOut
from d_training.lessons import schema_lessons
from d_training.rows import Parts, Rows, part_rows, read_rows
from d_training.seen import write_rows
from d_training.student import Student, load_student, predict, tokenize

logger = logging.getLogger(__name__)


def build_model(
    folder: Path,
    *,
    checkpoint: Path,
    origin: dict[str, Any],
    schema: LabelSchema,
    settings: Settings,
) -> Built:
    """Train a student, export it into ``folder`` and describe it there.

    Args:
        folder: the empty folder that becomes the model folder.
        checkpoint: where the student starts from.
        origin: what names the model and where it comes from; metrics.json repeats it.
        schema: the labels.
        settings: the run's.

    Raises:
        DataError: if the labelled rows don't suffice.
        TriageError: if the export doesn't compute what the trained model does.
    """
    training, seed = settings.training, settings.seed
    rows, unusable = read_rows(settings.paths.labeled / "messages", schema)
    parts = part_rows(rows, training, seed=seed)
    write_rows(folder, parts)
    logger.info(
        "rows: %s train, %s validation, %s test",
        *(f"{len(part):,}" for part in (parts.train, parts.validation, parts.test)),
    )

    student = load_student(checkpoint, schema.names, precision=training.precision, seed=seed)
    train, validation, test = (
        _examples(student, part, training) for part in (parts.train, parts.validation, parts.test)
    )
    if training.schema_sentences:
        train = _with_lessons(train, student, schema, training)
    fitted = fit(student, train, validation, settings=training, seed=seed)

    facts = origin | {
        "labels": schema.names,
        "labels_sha256": schema.sha256,
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
    counted = _row_counts(parts, taken=len(rows) + unusable, unusable=unusable)
    figures = describe_model(
        folder,
        facts | {"precision": "bf16" if student.bf16 else "fp32", "device": student.device.type},
        parts=parts,
        fitted=fitted,
        held_out=held_out,
        exports=exports,
        rows=counted,
        settings=settings,
    )
    return Built(counted, figures)


def _examples(student: Student, rows: Rows, settings: TrainingSettings) -> Examples:
    tokens = tokenize(student.tokenizer, rows.texts.tolist(), max_length=settings.max_length)
    return Examples(tokens, rows.scores)


def _with_lessons(
    train: Examples, student: Student, schema: LabelSchema, settings: TrainingSettings
) -> Examples:
    texts, targets = schema_lessons(schema)
    tokens = tokenize(student.tokenizer, texts, max_length=settings.max_length)
    return Examples(train.tokens + tokens, np.concatenate([train.targets, targets]))


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


def _row_counts(parts: Parts, *, taken: int, unusable: int) -> RowCounts:
    dropped = {"no text or scores": unusable, **parts.left_out}
    return RowCounts(
        taken=taken,
        out=len(parts.train) + len(parts.validation) + len(parts.test),
        dropped={reason: n for reason, n in dropped.items() if n},
    )
