"""Make a model folder: train, export, calibrate what was exported, choose what serves, measure it.

metrics.json says all that was found; cards and plots are made from it, beside the folder.
"""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from common.models.metrics import (
    LabelShares,
    Look,
    ModelMetrics,
    RowUse,
    StageRecord,
    TrainingMetrics,
    write_metrics,
)
from common.models.registry import LABELS
from common.onnx.model import cpu_flags
from common.stage.manifest import find_manifest
from common.stage.run import Built
from common.synthetic import read_synthetic
from common.text import rules_sha256
from d_training.data.languages import count_languages
from d_training.data.lineage import data_manifests
from d_training.data.rows import Parts
from d_training.data.training_rows import write_rows
from d_training.export.compare import compare_exports
from d_training.export.onnx import calibrate_exports, export_student
from d_training.fine_tuning.fit import Fitted
from d_training.fine_tuning.train import train_student
from d_training.held_out.figures import HeldOut
from d_training.held_out.slices import slice_agreement

if TYPE_CHECKING:
    from d_training.experiment import Experiment

_ROOT = Path(__file__).resolve().parents[1]


def build_model(folder: Path, *, experiment: "Experiment") -> Built:
    """Fill ``folder``, which becomes the model folder.

    Raises:
        DataError: if the labeled rows don't suffice.
        TriageError: if the export doesn't compute what the trained model does.
    """
    training = experiment.training
    student, fitted, parts, rows, test = train_student(experiment)
    write_rows(folder, parts)
    shutil.copyfile(experiment.labels_file, folder / LABELS)
    origin = describe_origin(experiment)
    export_student(student, folder, metadata=origin)
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
    made_by = data_manifests(experiment.paths)
    curated = experiment.paths.curated if "b_transformation" in made_by else None
    judged = parts.test.tweet_ids[~parts.test.abstained]
    languages = count_languages(experiment.paths.labeled / "messages", judged)
    metrics = ModelMetrics(
        **origin,
        **calibrations[exports.served]._asdict(),
        served=exports.served,
        reference=exports.held_out.reference(tokens=[len(ids) for ids in test.tokens]),
        tuning=experiment.tuned,
        precision=student.precision,
        device=student.device.type,
        cpu_flags=cpu_flags(),
        rows=_count_uses(parts),
        teacher_abstained_share=parts.abstained_share,
        label_shares=_label_shares(parts, exports.held_out),
        training=_training_metrics(fitted),
        held_out=exports.held_out.measure(seed=experiment.seed, languages=languages),
        slices=slice_agreement(exports.held_out, curated),
        exports=exports.table,
        parity=exports.parity,
        int8_checks=exports.checks,
        data={name: StageRecord.of(manifest) for name, manifest in made_by.items()},
        classification=experiment.classification.model_dump(mode="json"),
    )
    write_metrics(folder, metrics)
    return Built(rows, headline(metrics))


def describe_origin(experiment: "Experiment") -> dict[str, Any]:
    """What names a model and where it comes from; its ONNX files say so too."""
    schema, paths = experiment.schema, experiment.paths
    labeled, raw = find_manifest(paths.labeled), find_manifest(paths.raw)
    return {
        "model_id": experiment.model_id,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": code_commit(),
        "student": experiment.training.student,
        "teacher": labeled.figures.get("teacher", "unknown") if labeled else "unknown",
        "source": raw.figures.get("source", "unknown") if raw else "unknown",
        "labels": schema.names,
        "labels_sha256": schema.sha256,
        "synthetic_messages": len(read_synthetic(schema)),
        "text_rules_sha256": rules_sha256(),
        "cut_mail": labeled.figures.get("cut_mail", False) if labeled else False,
        "max_length": experiment.training.max_length,
    }


def headline(metrics: ModelMetrics) -> dict[str, Any]:
    """The figures that the manifest repeats."""
    figures: dict[str, Any] = {
        "macro_f1_held_out": metrics.held_out.macro_f1,
        "teacher_agreement": metrics.held_out.teacher_agreement,
        "int8_agreement": metrics.parity["int8"].agreement,
        "served": metrics.served,
        "training_seconds": metrics.training.seconds,
        "texts_per_second": metrics.training.texts_per_second,
    }
    return figures | ({"tuning": metrics.tuning.model_dump()} if metrics.tuning else {})


def code_commit() -> str:
    """The commit of this code, "-dirty" where files differ from it; "unknown" outside git."""
    command = ["git", "-C", str(_ROOT), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        shown = subprocess.run(  # noqa: S603 a command of our own
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return shown.stdout.strip()


def _count_uses(parts: Parts) -> RowUse:
    return RowUse(
        train=len(parts.train),
        validation=len(parts.validation),
        test=len(parts.test),
        human=int(parts.train.human.sum()),
    )


def _label_shares(parts: Parts, held_out: HeldOut) -> LabelShares:
    count = held_out.probs.shape[1]

    def shares(labels: NDArray[np.integer]) -> tuple[float, ...]:
        return tuple((np.bincount(labels, minlength=count) / len(labels)).tolist())

    return LabelShares(
        teacher_train=shares(parts.train.labels),
        teacher_held_out=shares(parts.test.labels),
        student_held_out=shares(held_out.probs.argmax(axis=1)),
    )


def _training_metrics(fitted: Fitted) -> TrainingMetrics:
    curve = tuple(Look(**look._asdict()) for look in fitted.curve)
    return TrainingMetrics(
        seconds=round(fitted.seconds, 1),
        texts_per_second=round(fitted.texts_per_second, 1),
        texts_seen=curve[-1].texts,
        stopped_early=fitted.stopped_early,
        kept=curve[fitted.best],
        curve=curve,
    )
