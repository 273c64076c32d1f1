"""The path of a GPU, run on the CPU under its name: half precision, batches, pairs."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from common.onnx.export import export_classifier, export_encoder, save_tokenizer
from common.onnx.model import OnnxModel
from common.onnx.torch_model import _BATCH_TOKENS, TorchModel

TEXTS = ["my parcel is late", "thanks", "the app crashes , please help", "my parcel " * 40]


@pytest.fixture(autouse=True)
def _cpu_as_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"cuda": torch.device("cpu")}
    monkeypatch.setattr("common.onnx.torch_model.torch_device", asked.__getitem__)


@pytest.mark.parametrize("kind", ["encoder", "classifier"])
def test_values_are_those_of_the_export_but_for_the_last_digits(
    tiny_checkpoint: Path, tmp_path: Path, kind: Literal["encoder", "classifier"]
) -> None:
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    load = AutoModel if kind == "encoder" else AutoModelForSequenceClassification
    torch.manual_seed(0)
    load.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    export = export_encoder if kind == "encoder" else export_classifier
    export(load.from_pretrained(tmp_path), tokenizer, tmp_path / "model.onnx", metadata={})
    save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    exported = OnnxModel(
        tmp_path / "model.onnx", tmp_path / "tokenizer.json", max_length=32, threads=1
    )

    model = TorchModel(tmp_path, kind=kind, max_length=32, device="cuda")
    texts = TEXTS if kind == "encoder" else [(text, "the bill is wrong") for text in TEXTS]
    ours, theirs = model.run(texts), exported.run(texts)
    assert ours.values.dtype == np.float32
    assert 0 < np.abs(ours.values - theirs.values).max() < 2e-3  # half precision, and it is one
    assert ours.tokens.tolist() == theirs.tokens.tolist()
    assert ours.truncated.tolist() == theirs.truncated.tolist() == [False, False, False, True]
    assert model.run([]).values.shape == (0, model.width) == (0, theirs.values.shape[1])


def test_texts_share_batches_of_so_many_tokens(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_BATCH_TOKENS, "cuda", 24)
    model = TorchModel(tiny_checkpoint, kind="encoder", max_length=32, device="cuda")
    shapes = []
    feed = model._feed  # noqa: SLF001 what is run together shows nowhere else

    def counted(encodings: Any) -> Any:
        fed = feed(encodings)
        shapes.append(fed["input_ids"].shape)
        return fed

    monkeypatch.setattr(model, "_feed", counted)
    # 3 tokens each with [CLS] and [SEP], and one of 6: 7 * 3 + 3 would fit, so eight share 24.
    model.run(["thanks"] * 9 + ["my parcel is late"])
    assert shapes == [(8, 3), (2, 6)]
