import numpy as np
import onnx
import pytest

from common.onnx_export import export_classifier, quantize_int8, save_tokenizer
from common.onnx_model import OnnxModel
from common.smoothing import smooth

TEXTS = ["my parcel is late and the order is not arrived", "thanks", "i was charged twice"]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS]


@pytest.fixture(scope="module")
def folder(tiny_checkpoint, tmp_path_factory):
    """A classifier whose first layer norm makes one channel a hundred times the others."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("smoothing")
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=3)
    with torch.no_grad():
        model.bert.embeddings.LayerNorm.weight[3] = 100.0
        for layer in model.bert.encoder.layer:
            for linear in (layer.attention.self.query, layer.attention.self.value):
                linear.weight[:, 3] /= 100
    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    export_classifier(model.eval(), tokenizer, folder / "float32.onnx", metadata={})
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    smooth(folder / "float32.onnx", folder / "smooth.onnx", folder / "tokenizer.json")
    return folder


def logits(folder, name):
    model = OnnxModel(folder / name, folder / "tokenizer.json", max_length=32, threads=1)
    return model.run(PAIRS).values


def test_smoothing_changes_nothing_in_float32(folder):
    np.testing.assert_allclose(
        logits(folder, "smooth.onnx"), logits(folder, "float32.onnx"), atol=2e-5
    )


def test_int8_of_the_smoothed_model_is_nearer_to_float32(folder):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = logits(folder, "float32.onnx")
    quantize_dynamic(
        folder / "float32.onnx", folder / "rough.onnx", weight_type=QuantType.QInt8,
        per_channel=True,
    )  # fmt: skip
    quantize_int8(folder / "float32.onnx", folder / "int8.onnx", folder / "tokenizer.json")
    rough = np.abs(logits(folder, "rough.onnx") - exact).mean()
    ours = np.abs(logits(folder, "int8.onnx") - exact).mean()
    assert 0 < ours < rough / 2


def test_inputs_shared_by_several_products_are_divided_once(folder):
    graph = onnx.load(folder / "smooth.onnx").graph
    made = [node.output[0] for node in graph.node if node.output[0].endswith("_smoothed")]
    assert len(made) == len(set(made))
    read = [name for node in graph.node for name in node.input if name.endswith("_smoothed")]
    assert set(read) == set(made)
    assert len(read) > len(made)


def test_quantising_leaves_no_file_of_its_own(folder, tmp_path):
    quantize_int8(folder / "float32.onnx", tmp_path / "int8.onnx", folder / "tokenizer.json")
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]
