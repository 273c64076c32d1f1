"""The student: a checkpoint with a new classification head, its tokens and its probabilities.

Texts meet in batches of like length, so that little of a batch is padding.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.onnx.device import Device
from common.onnx.precision import Precision, choose_precision
from d_training.fine_tuning.processes import own_device

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_PREDICT_BATCH = 64
logger = logging.getLogger(__name__)


class Student(NamedTuple):
    """A model, its tokenizer, and where and how exactly it computes."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    device: "torch.device"
    precision: Precision

    def logits(self, tokens: Sequence[list[int]]) -> "torch.Tensor":
        """(B, K) float32 logits of one batch."""
        import torch

        ids, mask = pad(tokens, pad_id=self.tokenizer.pad_token_id)
        with self.autocast():
            output = self.model(
                input_ids=torch.from_numpy(ids).to(self.device),
                attention_mask=torch.from_numpy(mask).to(self.device),
            )
        logits: torch.Tensor = output.logits.float()
        return logits

    def exact(self) -> "Student":
        """The same model, computing in float32 where it now lies."""
        return self._replace(device=self.model.device, precision="fp32")

    def autocast(self) -> AbstractContextManager[None]:
        """Matrix products in the student's precision; sums and losses stay float32."""
        import torch

        context: AbstractContextManager[None] = torch.autocast(
            self.device.type,
            dtype=torch.float16 if self.precision == "fp16" else torch.bfloat16,
            enabled=self.precision != "fp32",
        )
        return context


def load_student(
    checkpoint: Path,
    labels: Sequence[str],
    *,
    precision: Precision | Literal["auto"],
    seed: int,
    device: Device = "cpu",
) -> Student:
    """A student whose head is new; the seed decides its first weights."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # it warns that the head is new, which is the point
    transformers_logging.disable_progress_bar()
    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        num_labels=len(names),
        id2label=names,
        label2id={name: index for index, name in names.items()},
        use_safetensors=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    own = own_device(device)
    chosen = choose_precision(precision, own)
    logger.debug("student: %s, %s", own, chosen)
    return Student(model.to(own), tokenizer, own, chosen)


def tokenize(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], *, max_length: int
) -> list[list[int]]:
    """Token ids of each text, cut to ``max_length``."""
    if not len(texts):
        return []
    ids: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=max_length).input_ids
    return ids


def predict(student: Student, tokens: Sequence[list[int]]) -> NDArray[np.float32]:
    """(N, K) logits, in the order of ``tokens``."""
    import torch

    logits = np.zeros((len(tokens), student.model.config.num_labels), np.float32)
    training = student.model.training
    student.model.eval()
    with torch.inference_mode():
        for batch in like_length_batches(tokens, size=_PREDICT_BATCH):
            logits[batch] = student.logits([tokens[i] for i in batch]).cpu().numpy()
    student.model.train(training)
    return logits


def like_length_batches(tokens: Sequence[list[int]], *, size: int) -> Iterator[NDArray[np.int64]]:
    """Positions of all texts, shortest first, ``size`` at a time."""
    order = np.argsort([len(ids) for ids in tokens], kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]


def pad(tokens: Sequence[list[int]], *, pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(B, L) token ids and attention mask, L being the longest of the batch."""
    shape = (len(tokens), max(len(ids) for ids in tokens))
    ids, mask = np.full(shape, pad_id, np.int64), np.zeros(shape, np.int64)
    for row, own in enumerate(tokens):
        ids[row, : len(own)] = own
        mask[row, : len(own)] = 1
    return ids, mask
