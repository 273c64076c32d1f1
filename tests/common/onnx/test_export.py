import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from common.onnx.export import (
    add_metadata,
    export_classifier,
    export_encoder,
    quantize_int8,
    save_tokenizer,
)
from common.onnx.model import OnnxModel

TEXTS = ["my parcel is late and the order is not arrived", "thanks", "i was charged twice"]


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=3)
    return model.eval(), AutoTokenizer.from_pretrained(tiny_checkpoint)


@pytest.fixture(scope="module")
def exported(classifier: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    model, tokenizer = classifier
    export_classifier(model, tokenizer, folder / "model.onnx", metadata={"commit": "abc"})
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    quantize_int8(folder / "model.onnx", folder / "model.int8.onnx", folder / "tokenizer.json")
    return folder


def logits(folder: Path, name: str, **how: Any) -> np.ndarray:
    model = OnnxModel(folder / name, folder / "tokenizer.json", max_length=32, threads=1)
    return model.run(TEXTS, **how).values


def test_packing_and_the_one_token_of_the_last_layer_change_no_logit(
    classifier: tuple[Any, Any], exported: Path
) -> None:
    import torch

    model, tokenizer = classifier
    with torch.no_grad():
        expected = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits.numpy()
    padded = logits(exported, "model.onnx", batch_tokens=1_000)
    np.testing.assert_allclose(padded, expected, atol=1e-5)
    np.testing.assert_allclose(logits(exported, "model.onnx"), expected, atol=1e-5)


def test_padding_takes_no_part_in_an_int8_scale(exported: Path) -> None:
    path, tokenizer = exported / "model.int8.onnx", exported / "tokenizer.json"
    model = OnnxModel(path, tokenizer, max_length=32, threads=1)
    ids = np.array([[2, 7, 9, 3], [2, 8, 3, 0]])
    wide = np.pad(ids, ((0, 0), (0, 20)))

    def run(ids: np.ndarray) -> np.ndarray:
        feed = {"input_ids": ids, "attention_mask": (ids > 0) * 1, "token_type_ids": ids * 0}
        return np.asarray(model.session.run(None, feed)[0])

    np.testing.assert_allclose(run(wide), run(ids), atol=1e-6)


def test_inner_values_of_unpadded_tokens_are_divided_by_each_ones_peak(
    classifier: tuple[Any, Any], tmp_path: Path
) -> None:
    import torch

    model = copy.deepcopy(classifier[0])
    with torch.no_grad():
        for layer in model.bert.encoder.layer:
            layer.intermediate.dense.weight *= 50
    export_classifier(model, classifier[1], tmp_path / "model.onnx", metadata={})
    graph = onnx.load(tmp_path / "model.onnx")
    weights = {w.name for w in graph.graph.initializer if list(w.dims) == [64, 32]}
    inner = [node.input[0] for node in graph.graph.node if weights & set(node.input)]
    graph.graph.output.extend(map(onnx.helper.make_empty_tensor_value_info, inner))
    ids = np.array([[2, 7, 9, 3], [2, 8, 3, 0]])
    feed = {"input_ids": ids, "attention_mask": (ids > 0) * 1, "token_type_ids": ids * 0}
    first, last = ort.InferenceSession(graph.SerializeToString()).run(inner, feed)
    np.testing.assert_allclose(first.max(axis=1), np.ones(7), atol=1e-6)
    np.testing.assert_allclose(last.max(axis=1), np.ones(2), atol=1e-6)  # two texts, a token each


def test_the_model_itself_is_left_as_it_was(classifier: tuple[Any, Any], exported: Path) -> None:
    model, _ = classifier
    assert {type(layer).__name__ for layer in model.bert.encoder.layer} == {"BertLayer"}


def test_int8_is_near_and_keeps_the_metadata(exported: Path) -> None:
    difference = np.abs(logits(exported, "model.int8.onnx") - logits(exported, "model.onnx"))
    assert 0 < difference.max() < 0.05
    for name in ("model.onnx", "model.int8.onnx"):
        model = OnnxModel(exported / name, exported / "tokenizer.json", max_length=8, threads=1)
        assert model.metadata["commit"] == "abc"


def test_two_products_fit_the_16_bits_in_which_avx2_adds_them(exported: Path) -> None:
    graph = onnx.load(exported / "model.int8.onnx").graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
    largest = max(int(np.abs(weights[name].astype(np.int32)).max()) for name in products)
    # Six products a layer, two layers, pooler and head. 2 * 255 * 64 = 32,640, of 32,767.
    assert (len(products), largest) == (14, 64)


def test_metadata_is_added_and_no_logit_changes(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes((exported / "model.onnx").read_bytes())
    add_metadata(path, {"temperature": "1.5"})
    add_metadata(path, {"temperature": "0.5", "note": "x"})
    model = OnnxModel(path, exported / "tokenizer.json", max_length=32, threads=1)
    assert model.metadata == {"commit": "abc", "temperature": "0.5", "note": "x"}
    np.testing.assert_array_equal(model.run(TEXTS).values, logits(exported, "model.onnx"))


def test_word_embeddings_stay_in_float32_where_asked(exported: Path, tmp_path: Path) -> None:
    def word_types(path: Path) -> set[int]:
        tensors = onnx.load(path).graph.initializer
        return {t.data_type for t in tensors if list(t.dims) == [37, 32]}

    target = tmp_path / "int8.onnx"
    quantize_int8(exported / "model.onnx", target, exported / "tokenizer.json", embeddings=False)
    assert word_types(target) == {onnx.TensorProto.FLOAT}
    assert onnx.TensorProto.FLOAT not in word_types(exported / "model.int8.onnx")
    assert any(node.op_type == "MatMulInteger" for node in onnx.load(target).graph.node)


def test_tokenizer_names_the_pad_token(exported: Path) -> None:
    padding = json.loads((exported / "tokenizer.json").read_text("utf-8"))["padding"]
    assert (padding["pad_id"], padding["pad_token"]) == (0, "[PAD]")


def test_other_architectures_are_exported_whole(tiny_checkpoint: Path, tmp_path: Path) -> None:
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


def test_an_encoder_with_relative_positions_is_exported_too(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoTokenizer, MPNetConfig, MPNetModel

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    torch.manual_seed(1)
    config = MPNetConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    model = MPNetModel(config).eval()
    export_encoder(model, tokenizer, tmp_path / "model.onnx", metadata={})
    save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx", tmp_path / "tokenizer.json")
    fed = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(fed["input_ids"], attention_mask=fed["attention_mask"]).last_hidden_state
    mask = fed["attention_mask"].unsqueeze(-1)
    means = (hidden * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(means, dim=-1).numpy()
    for name, atol in (("model.onnx", 1e-4), ("int8.onnx", 0.1)):
        found = OnnxModel(tmp_path / name, tmp_path / "tokenizer.json", max_length=32, threads=1)
        np.testing.assert_allclose(found.run(TEXTS, batch_tokens=99).values, expected, atol=atol)
