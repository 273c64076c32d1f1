"""torch -> ONNX -> INT8: the one way that encoders, NLI models and students are exported.

Exported with torch's dynamo exporter and eager attention: the older exporter drops part of the
attention mask and is silently wrong by 0.02 in the logits of a padded batch.
"""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from common.onnx.even import even_out
from common.onnx.packed_bert import is_packed, packed_classifier
from common.onnx.smoothing import smooth

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_MAX_BATCH = 4096


def export_classifier(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    path: Path,
    *,
    metadata: Mapping[str, str],
) -> None:
    """Write a sequence classifier as ``path``; its output is ``logits`` (batch, labels)."""
    _export(model, tokenizer, path, pooled=False, metadata=metadata)


def export_encoder(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    path: Path,
    *,
    metadata: Mapping[str, str],
) -> None:
    """Write a sentence encoder; its output (batch, D) is mean-pooled and of unit length.

    ``model`` computes the same afterwards, in other steps (even.py).
    """
    even_out(model)
    _export(model, tokenizer, path, pooled=True, metadata=metadata)


def save_tokenizer(tokenizer: "PreTrainedTokenizerBase", path: Path) -> None:
    """Write tokenizer.json with the pad token that ``OnnxModel`` fills batches with."""
    backend = tokenizer.backend_tokenizer
    backend.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    backend.save(str(path))


def quantize_int8(source: Path, target: Path, tokenizer: Path, *, embeddings: bool = True) -> None:
    """Dynamic INT8 of ``source``, smoothed, per channel, so that every processor computes it alike.

    Weights of products take 7 bits. A processor with AVX2 and no VNNI adds two products of 8 bits
    in 16, which is too few for them: it would saturate, without a sound.

    embeddings: of words, in INT8 too; without, the file is larger and a little more exact.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    smoothed = target.with_suffix(".smoothed")
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it advises a step that dynamic INT8 doesn't need
    try:
        smooth(source, smoothed, tokenizer)
        quantize_dynamic(
            smoothed,
            target,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=None if embeddings else ["MatMul"],
        )
    finally:
        logging.getLogger().setLevel(level)
        smoothed.unlink(missing_ok=True)


def add_metadata(path: Path, values: Mapping[str, str]) -> None:
    """Add ``values`` to the metadata of a model; what it computes stays as it is."""
    import onnx

    model = onnx.load(path)
    known = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, known | dict(values))
    onnx.save(model, path)


def _export(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    path: Path,
    *,
    pooled: bool,
    metadata: Mapping[str, str],
) -> None:
    import onnx
    import torch

    logging.getLogger("torch.onnx").setLevel(
        logging.ERROR
    )  # it misses a torchvision of no use here
    model = model.eval().float().cpu()
    model.set_attn_implementation("eager")
    example = tokenizer(["one text", "another, longer text"], padding=True, return_tensors="pt")
    names = [name for name in tokenizer.model_input_names if name in example]
    axes = {0: torch.export.Dim("batch", max=_MAX_BATCH), 1: torch.export.Dim("tokens", max=512)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _wrap(model, names, pooled=pooled),
            tuple(example[name] for name in names),
            path,
            input_names=names,
            output_names=["sentence_embedding" if pooled else "logits"],
            dynamic_shapes=[tuple(axes for _ in names)],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    graph = onnx.load(path)
    del graph.graph.value_info[:]  # stale shapes, which the quantiser would stumble over
    onnx.helper.set_model_props(graph, dict(metadata))
    onnx.save(graph, path)


def _wrap(model: "PreTrainedModel", names: list[str], *, pooled: bool) -> "torch.nn.Module":
    import torch

    packed = not pooled and is_packed(model.config.to_dict())

    class Wrapper(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = packed_classifier(model) if packed else model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            fed = dict(zip(names, inputs, strict=True))
            output = self.model(**fed)
            if packed:
                logits: torch.Tensor = output
                return logits
            if not pooled:
                plain: torch.Tensor = output.logits
                return plain
            mask = fed["attention_mask"].unsqueeze(-1).float()  # (B, L, 1)
            mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)  # (B, D)
            return torch.nn.functional.normalize(mean, dim=-1)

    return Wrapper()
