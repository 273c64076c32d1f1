"""The trained student as it is served: ONNX and INT8, held against the torch model it came from."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import TriageError
from common.models.metrics import Parity
from common.models.registry import MODEL, MODEL_INT8, TOKENIZER
from common.onnx.export import add_metadata, export_classifier, quantize_int8, save_tokenizer
from common.onnx.model import OnnxModel, softmax
from d_training.data.rows import Rows
from d_training.fine_tuning.calibration import Calibration, calibrate
from d_training.fine_tuning.student import Student

CHECKPOINT = "checkpoint"
FP32_TOLERANCE = 1e-4
_BATCH_TOKENS = 2_048
logger = logging.getLogger(__name__)


def export_student(student: Student, folder: Path, *, metadata: Mapping[str, Any]) -> None:
    """Write checkpoint/, tokenizer.json, model.onnx and model.int8.onnx into ``folder``.

    Args:
        student: trained; its model ends on the CPU.
        folder: the model folder being built.
        metadata: what the ONNX files say of themselves; JSON where it is not a string.
    """
    student.model.save_pretrained(folder / CHECKPOINT)
    student.tokenizer.save_pretrained(folder / CHECKPOINT)
    save_tokenizer(student.tokenizer, folder / TOKENIZER)
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    export_classifier(student.model, student.tokenizer, folder / MODEL, metadata=texts)
    quantize_int8(folder / MODEL, folder / MODEL_INT8, folder / TOKENIZER)


def calibrate_exports(
    folder: Path, rows: Rows, *, abstained_share: float, max_length: int
) -> dict[str, Calibration]:
    """Fit model.onnx and model.int8.onnx, each by its own logits, and write it into its metadata.

    Args:
        folder: holds both, and tokenizer.json.
        rows: of validation.
        abstained_share: of the texts, on which the teacher abstained.
        max_length: tokens read.
    """
    found = {}
    for name in (MODEL, MODEL_INT8):
        logits = onnx_logits(folder, rows.texts.tolist(), model=name, max_length=max_length)
        found[name] = calibrate(logits, rows.scores, abstained_share=abstained_share)
        fitted = {key: json.dumps(value) for key, value in found[name]._asdict().items()}
        add_metadata(folder / name, fitted)
    return found


def onnx_logits(
    folder: Path, texts: Sequence[str], *, model: str, max_length: int
) -> NDArray[np.float32]:
    """(N, K) logits of an exported model; INT8 takes one text a run, exactly as it is served."""
    session = OnnxModel(
        folder / model, folder / TOKENIZER, max_length=max_length, threads=os.cpu_count() or 1
    )
    return session.run(texts, batch_tokens=0 if model == MODEL_INT8 else _BATCH_TOKENS).values


def check_parity(
    *,
    torch: NDArray[np.float32],
    fp32: NDArray[np.float32],
    int8: NDArray[np.float32],
    temperature: float,
) -> dict[str, Parity]:
    """Compare torch with model.onnx ("fp32"), and that with model.int8.onnx ("int8").

    Args:
        torch: (N, K) logits of the trained model in float32, of the same texts as the others.
        fp32: those of model.onnx.
        int8: those of model.int8.onnx.
        temperature: divides them all before the softmax, as serving does.

    Raises:
        TriageError: if model.onnx does not compute what the torch model does.
    """
    exact, exported, served = (softmax(x / np.float32(temperature)) for x in (torch, fp32, int8))
    found = {"fp32": _compare(exact, exported), "int8": _compare(exported, served)}
    logger.debug(
        "export: fp32 within %.1e of torch; int8 gives %.2f %% of %s texts the label of fp32",
        found["fp32"].max_difference,
        100 * found["int8"].agreement,
        f"{len(torch):,}",
    )
    if not found["fp32"].max_difference <= FP32_TOLERANCE:
        raise TriageError(
            f"model.onnx strays from the torch model by {found['fp32'].max_difference:.2g} in a "
            f"probability and {FP32_TOLERANCE:g} is allowed; the model is not published"
        )
    return found


def _compare(reference: NDArray[np.float32], other: NDArray[np.float32]) -> Parity:
    agreement = (reference.argmax(axis=1) == other.argmax(axis=1)).mean()
    return Parity(max_difference=float(np.abs(reference - other).max()), agreement=float(agreement))
