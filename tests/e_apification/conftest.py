"""A model folder whose answers can be worked out by hand: logits are sums of word weights."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from fastapi.testclient import TestClient
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.labels import LabelSchema, load_labels
from common.models import deployment
from common.models.metrics import ServedMetrics
from common.stage.manifest import RowCounts
from common.stage.plan import Plan
from common.stage.run import Built, run_stage_once
from common.text import rules_sha256
from e_apification.api.app import create_app
from e_apification.model.predictor import Prediction

MODEL_ID = "0123456789ab"
LABELS_YAML = """\
catch_all: other
labels:
  - {name: billing, description: money, hypotheses: [It is about money.]}
  - {name: delivery, description: parcels, hypotheses: [It is about a parcel.]}
  - {name: other, description: the rest, hypotheses: [It is about something else.]}
"""
# One row a token, one column a label: "refund" speaks for billing, and so on; the rest is mute.
WEIGHTS = {
    "[PAD]": (9, 9, 9),  # would spoil every answer if padding were read
    "[UNK]": (0, 0, 0),
    "[CLS]": (0, 0, 0),
    "[SEP]": (0, 0, 0),
    "refund": (3, 0, 0),
    "parcel": (0, 3, 0),
    "hello": (0, 0, 3),
}

MakeModels = Callable[..., Path]


class Gated:
    """A predictor that answers with the text, and only while the gate is open."""

    model_id = MODEL_ID
    labels = LabelSchema.model_validate(yaml.safe_load(LABELS_YAML))
    facts = ServedMetrics(
        max_length=8, temperature=1, abstain_threshold=0, labels_sha256="", text_rules_sha256=""
    )
    metadata: dict[str, str] = {}

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[list[str]] = []

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.calls.append(list(texts))
        assert self.gate.wait(10)
        return [Prediction(text, 1.0, (1.0, 0.0, 0.0), False) for text in texts]


@pytest.fixture
def gated() -> Iterator[Gated]:
    """A predictor that can be made to wait; let go at the end, so that no thread hangs."""
    predictor = Gated()
    yield predictor
    predictor.gate.set()


@pytest.fixture(scope="session")
def make_models(tmp_path_factory: pytest.TempPathFactory) -> MakeModels:
    """Build models/ with one promoted folder; keyword arguments replace entries of metrics.json."""

    def make(*, labels: str = LABELS_YAML, model_id: str = MODEL_ID, **facts: Any) -> Path:
        folder = tmp_path_factory.mktemp("run") / "models"

        def build(staging: Path) -> Built:
            (staging / "labels.yaml").write_text(labels, encoding="utf-8")
            for name in ("model.onnx", "model.int8.onnx"):
                save_graph(staging / name)
            save_tokenizer(staging / "tokenizer.json")
            metrics = {
                "max_length": 8,
                "temperature": 2.0,
                "abstain_threshold": 0.5,
                "labels_sha256": load_labels(staging / "labels.yaml").sha256,
                "text_rules_sha256": rules_sha256(),
                "macro_f1_held_out": 0.5,
            }
            known = {k: v for k, v in (metrics | facts).items() if v is not None}
            (staging / "metrics.json").write_text(json.dumps(known), encoding="utf-8")
            return Built(RowCounts(taken=0, out=0), {})

        plan = Plan("d_training", "code", "settings", ())
        run_stage_once(plan, folder=folder / model_id, build=build)
        deployment.promote(folder, model_id, by="tests", force=True)
        return folder

    return make


@pytest.fixture(scope="session")
def models_dir(make_models: MakeModels) -> Path:
    """The usual model: temperature 2, threshold 0.5, eight tokens."""
    return make_models()


@pytest.fixture(scope="session")
def settings(models_dir: Path) -> Settings:
    """A run whose models/ holds the usual model, with limits small enough to be reached."""
    serving = ServingSettings(
        workers=2,
        max_text_chars=200,
        max_texts=20,
        max_body_mb=0.01,
        body_timeout_s=0.3,
        max_file_mb=0.02,
        max_rows=30,
        max_table_mb=0.05,
        max_table_rows=1_200,
        max_explain_words=12,
    )
    return Settings(run_dir=models_dir.parent, serving=serving)


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[TestClient]:
    """The application with the usual model, started."""
    with TestClient(create_app(settings)) as started:
        yield started


def save_graph(path: Path) -> None:
    """logits = sum over read tokens of the token's row of weights."""
    table = np.array(list(WEIGHTS.values()), dtype=np.float32)
    shape = ["batch", "tokens"]
    names = ("input_ids", "attention_mask", "token_type_ids")
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
            helper.make_node("Mul", ["rows", "mask3"], ["read"]),
            helper.make_node("ReduceSum", ["read", "middle"], ["logits"], keepdims=0),
        ],
        "weights",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    props = {
        "commit": "abc1234",
        "model_id": MODEL_ID,
        "created_at": "2026-11-20T10:00:00+00:00",
    }
    helper.set_model_props(model, props)
    onnx.save(model, path)


def save_tokenizer(path: Path) -> None:
    """Lower-case words, [CLS] and [SEP] around them."""
    vocabulary = {token: i for i, token in enumerate(WEIGHTS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    tokenizer.enable_padding(pad_id=vocabulary["[PAD]"], pad_token="[PAD]")
    tokenizer.save(str(path))
