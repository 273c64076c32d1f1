"""Inference with ONNX Runtime and tokenizers alone: what labeling, evaluation and serving share.

No torch, transformers, pyspark or pandas here: this module is on the serving path.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from common.errors import DataError

Text = str | tuple[str, str]
# Beside INT8 products, adding and normalising apart is faster than ORT's fused node.
SLOW_FUSIONS = ["SkipLayerNormFusion"]
# Threads of one session that wait for one another sleep; spinning, they take a core from others.
SPINNING = "0"


class Outputs(NamedTuple):
    """values: (N, D) float32, in input order; truncated: (N,) bool, not all was read; tokens: (N,)
    int64, how many were.
    """

    values: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    tokens: NDArray[np.int64]


class OnnxModel:
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
        self.max_length = max_length
        self._inputs = [node.name for node in self.session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._pad_id = (self._tokenizer.padding or {}).get("pad_id", 0)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length, strategy="only_first")

    def run(
        self,
        texts: Sequence[Text],
        *,
        batch_tokens: int = 0,
        groups: Sequence[int] | None = None,
    ) -> Outputs:
        """Score texts or (premise, hypothesis) pairs.

        Args:
            texts: N strings or pairs.
            batch_tokens: texts of like length share a run of at most so many padded tokens;
                0 runs each alone, so that no result depends on its neighbours (dynamic INT8
                takes its scales from the whole batch) at little cost on a CPU.
            groups: N numbers; texts of different ones never share a run.
        """
        encodings = self._encode(texts)
        truncated = np.array([bool(e.overflowing) for e in encodings], dtype=np.bool_)
        tokens = np.array([len(e.ids) for e in encodings], dtype=np.int64)
        group_of = [0] * len(encodings) if groups is None else list(groups)
        order = sorted(range(len(encodings)), key=lambda i: (group_of[i], len(encodings[i].ids)))
        parts: list[NDArray[np.float32]] = []
        for batch in _batches(order, encodings, batch_tokens, group_of):
            parts.append(self._run_batch([encodings[i] for i in batch]))
        if not parts:
            return Outputs(np.zeros((0, self.width), np.float32), truncated, tokens)
        values = np.empty((len(order), parts[0].shape[1]), np.float32)  # (N, D)
        values[order] = np.concatenate(parts)
        return Outputs(values, truncated, tokens)

    @property
    def width(self) -> int:
        """D, the width of the output."""
        return int(self.session.get_outputs()[0].shape[-1])

    def _encode(self, texts: Sequence[Text]) -> list[Encoding]:
        """Of pairs each distinct part is tokenised once."""
        pairs = [text for text in texts if not isinstance(text, str)]
        if len(pairs) < len(texts):
            return list(self._tokenizer.encode_batch(list(texts)))
        parts = list(dict.fromkeys(part for pair in pairs for part in pair))
        encoded = self._tokenizer.encode_batch(parts, add_special_tokens=False)
        by_part = dict(zip(parts, encoded, strict=True))
        return [self._tokenizer.post_process(by_part[a], by_part[b]) for a, b in pairs]

    def _run_batch(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        shape = (len(encodings), max(len(e.ids) for e in encodings))
        feed = {
            "input_ids": np.full(shape, self._pad_id, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64),
        }
        for row, encoding in enumerate(encodings):
            width = len(encoding.ids)
            feed["input_ids"][row, :width] = encoding.ids
            feed["attention_mask"][row, :width] = 1
            feed["token_type_ids"][row, :width] = encoding.type_ids
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


def _batches(
    order: Sequence[int],
    encodings: Sequence[Encoding],
    batch_tokens: int,
    group_of: Sequence[int],
) -> Iterator[list[int]]:
    """Cut an order by group and rising length into batches of at most so many padded tokens."""
    batch: list[int] = []
    for i in order:
        full = len(encodings[i].ids) * (len(batch) + 1) > batch_tokens
        if batch and (full or group_of[i] != group_of[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
