"""ONNX exports of checkpoints: made once, kept in a cache folder, checked before each use.

A cached export's name is a digest of the checkpoint's files, the export code and its options. A GPU
reads the checkpoint itself.
"""

import logging
import shutil
from pathlib import Path
from typing import Literal

from common.onnx.device import Device
from common.onnx.export import export_classifier, export_encoder, quantize_int8, save_tokenizer
from common.onnx.model import OnnxModel
from common.onnx.text_model import TextModel
from common.onnx.torch_model import TorchModel
from common.onnx.weights import checkpoint_files
from common.stage.manifest import Manifest, RowCounts, verify_files
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once

Kind = Literal["encoder", "classifier"]
MODEL, TOKENIZER, CONFIG = "model.onnx", "tokenizer.json", "config.json"
FLOAT32 = "float32.onnx"  # beside an INT8 classifier, for its close calls
logger = logging.getLogger(__name__)


def export_once(checkpoint: Path, *, kind: Kind, int8: bool, cache: Path) -> Path:
    """The folder with MODEL, TOKENIZER and the checkpoint's CONFIG; made if it is not there.

    An INT8 classifier has FLOAT32 beside it.
    """

    def build(folder: Path) -> Built:
        logger.debug("exporting the %s in %s to ONNX", kind, checkpoint)
        _export(checkpoint, folder, kind=kind, int8=int8)
        return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage(
        f"export-{kind}",
        code=["c_classification.teacher.exported"],
        settings={"int8": int8},
        inputs=checkpoint_files(checkpoint),
    )
    folder = cache / "onnx" / plan.key
    manifest: Manifest = run_stage_once(plan, folder=folder, build=build)
    verify_files(folder, manifest.outputs)
    return folder


def prepare_model(checkpoint: Path, *, kind: Kind, int8: bool, cache: Path, device: Device) -> Path:
    """What ``load_model`` reads: the export where a CPU computes, the checkpoint on a GPU."""
    if device == "cuda":
        return checkpoint
    return export_once(checkpoint, kind=kind, int8=int8, cache=cache)


def load_model(
    folder: Path, *, kind: Kind, max_length: int, threads: int, device: Device, name: str = MODEL
) -> TextModel:
    """The model of ``prepare_model``; a process makes one.

    name: of the exported file.
    """
    if device == "cuda":
        return TorchModel(folder, kind=kind, max_length=max_length, device=device)
    return OnnxModel(folder / name, folder / TOKENIZER, max_length=max_length, threads=threads)


def _export(checkpoint: Path, folder: Path, *, kind: Kind, int8: bool) -> None:
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    target = folder / (FLOAT32 if int8 else MODEL)
    if kind == "encoder":
        model = AutoModel.from_pretrained(checkpoint, use_safetensors=True)
        export_encoder(model, tokenizer, target, metadata={})
    else:
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint, use_safetensors=True)
        export_classifier(model, tokenizer, target, metadata={})
    save_tokenizer(tokenizer, folder / TOKENIZER)
    if int8:
        whole = kind == "encoder"
        quantize_int8(target, folder / MODEL, folder / TOKENIZER, embeddings=whole)
        if kind == "encoder":
            target.unlink()
    shutil.copyfile(checkpoint / CONFIG, folder / CONFIG)
