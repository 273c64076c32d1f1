import json

import numpy as np
import pytest

from common.onnx_export import export_classifier, quantize_int8, save_tokenizer
from common.onnx_model import OnnxModel

TEXTS = ["my parcel is late and the order is not arrived", "thanks", "i was charged twice"]


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=3)
    return model.eval(), AutoTokenizer.from_pretrained(tiny_checkpoint)


@pytest.fixture(scope="module")
def exported(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    model, tokenizer = classifier
    export_classifier(model, tokenizer, folder / "model.onnx", metadata={"commit": "abc"})
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    quantize_int8(folder / "model.onnx", folder / "model.int8.onnx", folder / "tokenizer.json")
    return folder


def logits(folder, name, **how) -> np.ndarray:
    model = OnnxModel(folder / name, folder / "tokenizer.json", max_length=32, threads=1)
    return model.run(TEXTS, **how).values


def test_computing_one_token_in_the_last_layer_changes_no_logit(classifier, exported):
    import torch

    model, tokenizer = classifier
    with torch.no_grad():
        expected = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits.numpy()
    padded = logits(exported, "model.onnx", batch_tokens=1_000)
    np.testing.assert_allclose(padded, expected, atol=1e-5)
    np.testing.assert_allclose(logits(exported, "model.onnx"), expected, atol=1e-5)


def test_the_model_itself_is_left_as_it_was(classifier, exported):
    model, _ = classifier
    assert {type(layer).__name__ for layer in model.bert.encoder.layer} == {"BertLayer"}


def test_int8_is_near_and_keeps_the_metadata(exported):
    difference = np.abs(logits(exported, "model.int8.onnx") - logits(exported, "model.onnx"))
    assert 0 < difference.max() < 0.05
    for name in ("model.onnx", "model.int8.onnx"):
        model = OnnxModel(exported / name, exported / "tokenizer.json", max_length=8, threads=1)
        assert model.metadata["commit"] == "abc"


def test_tokenizer_names_the_pad_token(exported):
    padding = json.loads((exported / "tokenizer.json").read_text("utf-8"))["padding"]
    assert (padding["pad_id"], padding["pad_token"]) == (0, "[PAD]")


def test_other_architectures_are_exported_whole(tiny_checkpoint, tmp_path):
    import torch
    from transformers import AutoTokenizer, DebertaV2Config, DebertaV2ForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    torch.manual_seed(1)
    config = DebertaV2Config(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, type_vocab_size=0, relative_attention=True, position_buckets=16,
        pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm",
        position_biased_input=False, num_labels=2, initializer_range=0.5,
    )  # fmt: skip
    model = DebertaV2ForSequenceClassification(config).eval()
    export_classifier(model, tokenizer, tmp_path / "model.onnx", metadata={})
    save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    fed = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(fed["input_ids"], attention_mask=fed["attention_mask"]).logits.numpy()
    assert np.ptp(expected) > 0.01
    ours = OnnxModel(tmp_path / "model.onnx", tmp_path / "tokenizer.json", max_length=32, threads=1)
    np.testing.assert_allclose(ours.run(TEXTS, batch_tokens=1000).values, expected, atol=1e-4)
