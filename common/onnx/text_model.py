"""What models of texts share, whatever computes them: tokens, batches of like length, the order.

No torch, transformers, pyspark or pandas here: this module is on the serving path.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

Text = str | tuple[str, str]


class Outputs(NamedTuple):
    """values: (N, D) float32, in input order; truncated: (N,) bool, not all was read; tokens: (N,)
    int64, how many were.
    """

    values: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    tokens: NDArray[np.int64]


class TextModel(ABC):
    """A tokenizer and what computes (B, D) of a batch."""

    def __init__(self, tokenizer: Tokenizer, *, max_length: int) -> None:
        """tokenizer: its padding entry names the pad token; of a pair only the first text is cut"""
        self.max_length = max_length
        self._tokenizer = tokenizer
        self._pad_id = (tokenizer.padding or {}).get("pad_id", 0)
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length, strategy="only_first")

    @property
    @abstractmethod
    def width(self) -> int:
        """D, the width of the output."""

    @abstractmethod
    def _run_batch(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        """(B, D)"""

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

    def _encode(self, texts: Sequence[Text]) -> list[Encoding]:
        """Of pairs each distinct part is tokenised once."""
        pairs = [text for text in texts if not isinstance(text, str)]
        if len(pairs) < len(texts):
            return list(self._tokenizer.encode_batch(list(texts)))
        parts = list(dict.fromkeys(part for pair in pairs for part in pair))
        encoded = self._tokenizer.encode_batch(parts, add_special_tokens=False)
        by_part = dict(zip(parts, encoded, strict=True))
        return [self._tokenizer.post_process(by_part[a], by_part[b]) for a, b in pairs]

    def _feed(self, encodings: Sequence[Encoding]) -> dict[str, NDArray[np.int64]]:
        """(B, L) each, L the longest of the batch."""
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
        return feed


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
