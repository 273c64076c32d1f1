"""A checkpoint run by torch, in half precision where the hardware has it: as ``OnnxModel`` is used.

It reads the checkpoint itself, so nothing is exported: on a GPU, and on a CPU where a few thousand
texts are read once. A text's values differ with its neighbours in the last digits alone, so texts
share batches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from common.onnx.device import Device, torch_device
from common.onnx.precision import has_bf16
from common.onnx.text_model import Outputs, Text, TextModel

# Padded tokens of a batch. On a GPU each launch costs, not each token; that many take some 3 GB in
# the largest teacher (24 layers of 1,024).
_BATCH_TOKENS = {"cuda": 16_384, "cpu": 1_024}


class TorchModel(TextModel):
    """An encoder or a classifier; make one a process."""

    def __init__(
        self,
        checkpoint: Path,
        *,
        kind: Literal["encoder", "classifier"],
        max_length: int,
        device: Device,
    ) -> None:
        """Load it.

        Args:
            checkpoint: a folder with config.json, safetensors and a tokenizer.
            kind: what the output is: a mean-pooled embedding of unit length, or logits.
            max_length: tokens read; of a pair only the first text is ever cut.
            device: a GPU computes in float16; a CPU in bfloat16 if it has that, else in float32.
        """
        import torch
        from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
        super().__init__(backend, max_length=max_length)
        self._pooled = kind == "encoder"
        load = AutoModel if self._pooled else AutoModelForSequenceClassification
        self._device = torch_device(device)
        half = torch.bfloat16 if has_bf16(self._device) else torch.float32
        dtype = torch.float16 if device == "cuda" else half
        model = load.from_pretrained(checkpoint, use_safetensors=True, dtype=dtype)
        self._batch_tokens = _BATCH_TOKENS[device]
        self._model = model.eval().to(self._device)
        self._inputs = set(tokenizer.model_input_names)

    def run(
        self,
        texts: Sequence[Text],
        *,
        batch_tokens: int = 0,
        groups: Sequence[int] | None = None,
    ) -> Outputs:
        """As ``TextModel.run``, in batches that suit the device."""
        return super().run(texts, batch_tokens=self._batch_tokens)

    @property
    def width(self) -> int:
        """D, the width of the output."""
        config = self._model.config
        return int(config.hidden_size if self._pooled else config.num_labels)

    def _run_batch(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        import torch

        fed = {
            name: torch.from_numpy(array).to(self._device)
            for name, array in self._feed(encodings).items()
            if name in self._inputs
        }
        with torch.inference_mode():
            output = self._model(**fed)
            if not self._pooled:
                return np.asarray(output.logits.float().cpu().numpy())
            mask = fed["attention_mask"].unsqueeze(-1).float()  # (B, L, 1)
            hidden = output.last_hidden_state.float()  # (B, L, D)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            return np.asarray(torch.nn.functional.normalize(mean, dim=-1).cpu().numpy())
