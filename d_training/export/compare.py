"""The exported models beside one another, and which of them serves.

model.onnx as it was exported, the same optimised by ONNX Runtime, and INT8: bytes, agreement with
the checkpoint, macro-F1 by the teacher's labels, calibration, latency. The optimised file is
measured and not kept: ``OnnxModel`` optimises model.onnx in the same way whenever it loads it, and
a stored one would be bound to this processor. onnxruntime.transformers' optimiser is no help: of
this graph it fuses SkipLayerNorm alone, which is slower (see common/onnx/model.py).
"""

import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common import metrics
from common.config.training import TrainingSettings
from common.models.metrics import ExportMetrics, Parity
from common.models.registry import MODEL, MODEL_INT8
from common.models.verdict import Check
from d_training.data.rows import Rows
from d_training.export.latency import feed, open_session, time_model
from d_training.export.onnx import check_parity, onnx_logits
from d_training.fine_tuning.calibration import Calibration
from d_training.fine_tuning.student import Student, like_length_batches, pad, predict
from d_training.held_out.figures import HeldOut

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BASELINE, OPTIMIZED, INT8 = "as exported", "optimised", "INT8"
_BATCH = 64
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exports:
    """table: a row a model, for metrics.json; checks: those of INT8; held_out: as served."""

    table: tuple[ExportMetrics, ...]
    checks: tuple[Check, ...]
    held_out: HeldOut
    parity: dict[str, Parity]

    @property
    def served(self) -> str:
        """The file that serves: INT8 unless one of its checks failed."""
        return choose_served(self.checks)


def compare_exports(
    folder: Path,
    student: Student,
    rows: Rows,
    tokens: Sequence[list[int]],
    *,
    calibrations: Mapping[str, Calibration],
    max_length: int,
    limits: TrainingSettings,
) -> Exports:
    """Measure the exported models of ``folder`` on held-out rows and decide which one serves.

    Args:
        folder: holds model.onnx, model.int8.onnx and tokenizer.json.
        student: whose checkpoint was exported.
        rows: N held-out rows.
        tokens: theirs.
        calibrations: of model.onnx and model.int8.onnx.
        max_length: tokens read.
        limits: what INT8 is held against.

    Raises:
        TriageError: if model.onnx doesn't compute what the checkpoint does.
    """
    exact = predict(student.exact(), tokens)
    texts = rows.texts.tolist()
    with tempfile.TemporaryDirectory() as work:
        optimized = Path(work) / MODEL
        files = {BASELINE: folder / MODEL, OPTIMIZED: optimized, INT8: folder / MODEL_INT8}
        sessions = {
            BASELINE: open_session(files[BASELINE], plain=True),
            OPTIMIZED: optimize(folder / MODEL, optimized),
            INT8: open_session(files[INT8], plain=False),
        }
        sizes = {name: file.stat().st_size for name, file in files.items()}
    logits = {
        BASELINE: _logits(folder / MODEL, student, tokens),
        # As they are served, by text and tokenizer.json.
        OPTIMIZED: onnx_logits(folder, texts, model=MODEL, max_length=max_length),
        INT8: onnx_logits(folder, texts, model=MODEL_INT8, max_length=max_length),
    }
    fitted = {name: calibrations[MODEL_INT8 if name == INT8 else MODEL] for name in files}
    held_out = {
        name: HeldOut(rows, fitted[name].probs(logits[name]), fitted[name].abstain_threshold)
        for name in files
    }
    parity = check_parity(
        torch=exact, fp32=logits[OPTIMIZED], int8=logits[INT8],
        temperature=fitted[OPTIMIZED].temperature,
    )  # fmt: skip
    table = tuple(
        ExportMetrics(
            name=name,
            file=None if name == OPTIMIZED else files[name].name,
            bytes=sizes[name],
            agreement=float((exact.argmax(1) == logits[name].argmax(1)).mean()),
            macro_f1=float(metrics.macro_f1(held_out[name].confusion)),
            calibration_error=held_out[name].calibration_error,
            coverage=float(held_out[name].answered.mean()),
            latency=time_model(sessions[name], student, tokens),
            **fitted[name]._asdict(),
        )
        for name in files
    )
    unlike = float((held_out[OPTIMIZED].answered != held_out[INT8].answered).mean())
    checks = int8_checks(
        table, agreement=parity["int8"].agreement, answered_by_one=unlike, limits=limits
    )
    served = choose_served(checks)
    if served == MODEL:
        reasons = ", ".join(check.name for check in checks if not check.passed)
        logger.warning("export: INT8 does not pass (%s), %s serves", reasons, MODEL)
    return Exports(table, checks, held_out[INT8 if served == MODEL_INT8 else OPTIMIZED], parity)


def optimize(source: Path, target: Path) -> "InferenceSession":
    """A model as ONNX Runtime makes it whenever it loads it; also written, metadata included."""
    return open_session(source, plain=False, write=target)


def int8_checks(
    table: Sequence[ExportMetrics],
    *,
    agreement: float,
    answered_by_one: float,
    limits: TrainingSettings,
) -> tuple[Check, ...]:
    """INT8 against float32, each as calibrated: right enough, as sure of it, and no slower.

    Args:
        table: as metrics.json has it.
        agreement: share of texts to which both give one label, were neither to abstain.
        answered_by_one: share of texts on which the other abstains.
        limits: of each.
    """
    rows = {row.name: row for row in table}
    exact, int8 = rows[OPTIMIZED], rows[INT8]
    return (
        Check(
            name="INT8 agrees with float32", value=agreement, rule="at least",
            limit=limits.min_int8_agreement,
        ),
        Check(
            name="macro-F1 lost by INT8", value=exact.macro_f1 - int8.macro_f1,
            rule="at most", limit=limits.max_int8_loss,
        ),
        Check(
            name="calibration error added by INT8",
            value=int8.calibration_error - exact.calibration_error,
            rule="at most", limit=limits.max_int8_calibration_loss,
        ),
        Check(
            name="answered by INT8 or float32 alone", value=answered_by_one,
            rule="at most", limit=limits.max_int8_coverage_change,
        ),
        Check(
            name="INT8, times as fast", value=_speedup(exact, int8),
            rule="at least", limit=limits.min_int8_speedup,
        ),
    )  # fmt: skip


def choose_served(checks: Sequence[Check]) -> str:
    """The file that serves."""
    return MODEL_INT8 if all(check.passed for check in checks) else MODEL


def _logits(file: Path, student: Student, tokens: Sequence[list[int]]) -> NDArray[np.float32]:
    """(N, K) of a model as its file holds it."""
    session = open_session(file, plain=True, threads=os.cpu_count() or 1)
    logits = np.zeros((len(tokens), student.model.config.num_labels), np.float32)
    for batch in like_length_batches(tokens, size=_BATCH):
        ids, mask = pad([tokens[i] for i in batch], pad_id=student.tokenizer.pad_token_id)
        logits[batch] = session.run(None, feed(session, ids, mask))[0]
    return logits


def _speedup(slow: ExportMetrics, fast: ExportMetrics) -> float:
    """How many times as fast, one text at a time: the geometric mean over the lengths."""
    logs = [
        math.log(one.p50_ms / other.p50_ms)
        for one, other in zip(slow.latency, fast.latency, strict=True)
        if one.batch == 1
    ]
    return math.exp(sum(logs) / len(logs))
