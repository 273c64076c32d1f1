from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from common.onnx.export import export_classifier, quantize_int8, save_tokenizer
from common.onnx.model import OnnxModel
from common.onnx.smoothing import smooth

TEXTS = ["my parcel is late and the order is not arrived", "thanks", "i was charged twice"]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS]


@pytest.fixture(scope="module")
def folder(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def logits(folder: Path, name: str) -> Any:
    model = OnnxModel(folder / name, folder / "tokenizer.json", max_length=32, threads=1)
    return model.run(PAIRS).values


def test_smoothing_changes_nothing_in_float32(folder: Path) -> None:
    np.testing.assert_allclose(
        logits(folder, "smooth.onnx"), logits(folder, "float32.onnx"), atol=2e-5
    )


def outlier_model(path: Path, *, words: Any) -> None:
    """ids -> vectors -> one channel made a hundred times larger -> a product that shrinks it."""
    draw = np.random.default_rng(1)
    scale, weight = np.ones(16, np.float32), draw.normal(size=(16, 8)).astype(np.float32)
    scale[3], weight[3] = 100, weight[3] / 100
    table = draw.normal(size=(words, 16)).astype(np.float32)
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            make("Gather", ["table", "input_ids"], ["vectors"]),
            make("Mul", ["vectors", "scale"], ["uneven"]),
            make("MatMul", ["uneven", "weight"], ["output"]),
        ],
        "outlier",
        [info("input_ids", onnx.TensorProto.INT64, ["batch", "tokens"])],
        [info("output", onnx.TensorProto.FLOAT, ["batch", "tokens", 8])],
        [
            onnx.numpy_helper.from_array(array, name)
            for name, array in (("table", table), ("scale", scale), ("weight", weight))
        ],
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), path)


def test_int8_of_the_smoothed_model_is_nearer_to_float32(folder: Path, tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    tokenizer = folder / "tokenizer.json"
    words = Tokenizer.from_file(str(tokenizer)).get_vocab_size()
    outlier_model(tmp_path / "float32.onnx", words=words)
    smooth(tmp_path / "float32.onnx", tmp_path / "smooth.onnx", tokenizer)
    ids = np.random.default_rng(2).integers(0, words, (1, 50))

    def error(source: Any) -> Any:
        target = tmp_path / f"int8.{source}"
        quantize_dynamic(
            tmp_path / source, target, weight_type=QuantType.QInt8, per_channel=True,
            op_types_to_quantize=["MatMul"],
        )  # fmt: skip
        exact, rough = (
            ort.InferenceSession(path).run(None, {"input_ids": ids})[0]
            for path in (tmp_path / "float32.onnx", target)
        )
        return np.abs(exact - rough).mean()

    assert 0 < error("smooth.onnx") < error("float32.onnx") / 4


def test_inputs_shared_by_several_products_are_divided_once(folder: Path) -> None:
    graph = onnx.load(folder / "smooth.onnx").graph
    made = [node.output[0] for node in graph.node if node.output[0].endswith("_smoothed")]
    assert len(made) == len(set(made))
    read = [name for node in graph.node for name in node.input if name.endswith("_smoothed")]
    assert set(read) == set(made)
    assert len(read) > len(made)


def test_what_is_divided_by_each_tokens_peak_is_left_alone(folder: Path) -> None:
    graph = onnx.load(folder / "smooth.onnx").graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in shapes]
    smoothed: dict[bool, list[Any]] = {True: [], False: []}
    for node in products:
        smoothed[node.input[0].endswith("_smoothed")].append(shapes[node.input[1]])
    assert smoothed[False] == [[64, 32]] * 2  # the second product of each layer's two
    assert sorted(smoothed[True]) == [[32, 32]] * 8 + [[32, 64]] * 2


def test_quantising_leaves_no_file_of_its_own(folder: Path, tmp_path: Path) -> None:
    quantize_int8(folder / "float32.onnx", tmp_path / "int8.onnx", folder / "tokenizer.json")
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]
