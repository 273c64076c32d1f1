"""Inference with ONNX Runtime and tokenizers alone: what labeling, evaluation and serving share.

No torch, transformers, pyspark or pandas here: this module is on the serving path.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from common.errors import DataError
from common.onnx.text_model import TextModel

# Beside INT8 products, adding and normalising apart is faster than ORT's fused node.
SLOW_FUSIONS = ["SkipLayerNormFusion"]
# Threads of one session that wait for one another sleep; spinning, they take a core from others.
SPINNING = "0"


class OnnxModel(TextModel):
    """One session and its tokenizer; make one a process, not one a batch."""

    def __init__(self, model: Path, tokenizer: Path, *, max_length: int, threads: int) -> None:
        """Load both files.

        Args:
            model: an .onnx file with inputs (batch, tokens) and one output (batch, D).
            tokenizer: tokenizer.json, whose padding entry names the pad token.
            max_length: tokens read; of a pair only the first text is ever cut.
            threads: ONNX Runtime threads.

        Raises:
            DataError: if a file is missing or is not what it should be.
        """
        for path in (model, tokenizer):
            if not path.is_file():
                raise DataError(f"{path} is missing; run `make train_model` (or restore the file)")
        self.session = ort.InferenceSession(
            model,
            session_options(threads),
            providers=["CPUExecutionProvider"],
            disabled_optimizers=SLOW_FUSIONS,
        )
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        self._inputs = [node.name for node in self.session.get_inputs()]
        super().__init__(Tokenizer.from_file(str(tokenizer)), max_length=max_length)

    @property
    def width(self) -> int:
        """D, the width of the output."""
        return int(self.session.get_outputs()[0].shape[-1])

    def _run_batch(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        feed = self._feed(encodings)
        outputs = self.session.run(None, {name: feed[name] for name in self._inputs})
        return np.asarray(outputs[0], dtype=np.float32)


def session_options(threads: int) -> ort.SessionOptions:
    """Of every session of this project: one run at a time, on so many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", SPINNING)
    return options


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the last axis, computed without overflow."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True), dtype=np.float32)


def cpu_flags() -> tuple[str, ...]:
    """Vector instructions that decide how fast INT8 and bfloat16 are here; empty if unknown."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ()
    return tuple(
        sorted(
            set(re.findall(r"\b(avx2|avx512_vnni|avx_vnni|amx_int8|avx512_bf16|amx_bf16)\b", text))
        )
    )
