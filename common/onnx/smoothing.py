"""Move outliers from activations into weights before dynamic INT8 (SmoothQuant, Xiao et al. 2023).

Dynamic INT8 has one scale for all of a product's input, and in BERT a few channels are a hundred
times the others: what is small is then rounded away. Dividing each channel of the input by a
factor and multiplying the weight's row by it changes nothing in float32 and evens out the two.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

_STRENGTH = 0.7  # alpha: how much of the difficulty moves to the weights
_LEAST = 1e-5

# Which channels are the large ones hardly depends on the text.
_SENTENCES = (
    "The parcel that I ordered has not arrived and nobody answers.",
    "You charged me twice, I want my money back!!",
    "thanks, you too",
    "My phone restarts by itself since the update, what can I do?",
    "A man is playing a guitar on a stage.",
    "Stocks fell on Friday after the report.",
    "@brand is there anybody who can help me with my booking for tomorrow",
    "lol",
)


def smooth(source: Path, target: Path, tokenizer: Path) -> None:
    """Write ``source``, its products with constant weights smoothed, as ``target``.

    Args:
        source: a float32 ONNX model.
        target: the same function, with other weights.
        tokenizer: its tokenizer.json, for the sentences that channels are measured by.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    uses: dict[str, list[Any]] = defaultdict(list)  # the products that read one input
    peaks = {
        name for node in model.graph.node if node.op_type == "Reciprocal" for name in node.output
    }
    even = {node.output[0] for node in model.graph.node if peaks & set(node.input)}
    for node in model.graph.node:
        # What was divided by each token's peak (even.py) is even enough.
        if node.op_type == "MatMul" and node.input[1] in weights and node.input[0] not in even:
            uses[node.input[0]].append(node)
    largest = _largest_by_channel(model, list(uses), tokenizer)
    scaled = []
    for name, nodes in uses.items():
        arrays = [numpy_helper.to_array(weights[node.input[1]]) for node in nodes]  # (D, out) each
        rows = np.max([np.abs(array).max(axis=1) for array in arrays], axis=0)  # (D,)
        factor = largest[name] ** _STRENGTH / np.maximum(rows, _LEAST) ** (1 - _STRENGTH)
        factor = np.maximum(factor, _LEAST).astype(np.float32)
        for node, array in zip(nodes, arrays, strict=True):
            smoothed = numpy_helper.from_array(array * factor[:, None], node.input[1])
            weights[node.input[1]].CopyFrom(smoothed)
            node.input[0] = f"{name}_smoothed"
        model.graph.initializer.append(numpy_helper.from_array(1 / factor, f"{name}_factor"))
        scaled.append(onnx.helper.make_node("Mul", [name, f"{name}_factor"], [f"{name}_smoothed"]))
    _insert(model.graph, scaled)
    onnx.save(model, target)


def _largest_by_channel(
    model: Any, names: Sequence[str], tokenizer: Path
) -> dict[str, NDArray[np.float32]]:
    """(D,) the largest absolute value of each channel of the named tensors."""
    import onnx

    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    for name in names:
        probed.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = ort.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = [node.name for node in session.get_inputs()]
    encode = Tokenizer.from_file(str(tokenizer))
    encode.no_padding()
    largest: dict[str, NDArray[np.float32]] = {}
    for encoding in encode.encode_batch([*_SENTENCES, *pairwise(_SENTENCES)]):
        fed = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        feed = {name: np.array([fed[name]], np.int64) for name in inputs}
        outputs = session.run(list(names), feed)
        for name, values in zip(names, outputs, strict=True):
            seen = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
            largest[name] = np.maximum(largest.get(name, np.float32(_LEAST)), seen)
    return largest


def _insert(graph: Any, nodes: Sequence[Any]) -> None:
    """Put each node right after what makes its input, as ONNX wants its nodes in order."""
    waiting = {node.input[0]: node for node in nodes}
    ordered = []
    for node in graph.node:
        ordered.append(node)
        ordered += [waiting.pop(name) for name in node.output if name in waiting]
    del graph.node[:]
    graph.node.extend(ordered)
