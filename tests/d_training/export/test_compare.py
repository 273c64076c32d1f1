import json
import logging
from typing import Any

import numpy as np
import pytest

from common.config.training import TrainingSettings
from common.models.registry import served_model
from common.onnx.model import softmax
from d_training import run
from d_training.evaluation.served import served_answers
from d_training.export.compare import choose_served, int8_checks
from d_training.export.onnx import onnx_logits


def row(name: str, *, macro_f1: float, p50: tuple[float, ...]) -> dict[str, Any]:
    latency = [{"batch": 1, "tokens": n, "p50_ms": ms} for n, ms in enumerate(p50)]
    return {"name": name, "macro_f1": macro_f1, "latency": [*latency, {"batch": 32}]}


TABLE = [
    row("as exported", macro_f1=0.1, p50=(9.0, 9.0)),
    row("optimised", macro_f1=0.875, p50=(2.0, 18.0)),
    row("INT8", macro_f1=0.75, p50=(1.0, 9.0)),
]


def test_int8_is_held_against_what_would_serve_in_its_place():
    limits = TrainingSettings(max_int8_loss=0.125, min_int8_speedup=2)
    checks = int8_checks(TABLE, 0.95, limits)
    assert [(c.name, c.rule, c.limit, c.passed) for c in checks] == [
        ("INT8 agrees with float32", "at least", 0.9, True),
        ("macro-F1 lost by INT8", "at most", 0.125, True),
        ("INT8, times as fast", "at least", 2, True),
    ]
    # The geometric mean of 2 / 1 and 18 / 9.
    assert [c.value for c in checks] == pytest.approx([0.95, 0.125, 2])
    assert choose_served(checks) == "model.int8.onnx"


@pytest.mark.parametrize(
    ("agreement", "limits"),
    [
        (0.85, {"max_int8_loss": 0.2}),
        (0.95, {"max_int8_loss": 0.1}),
        (0.95, {"max_int8_loss": 0.2, "min_int8_speedup": 2.5}),
    ],
)
def test_one_failed_check_lets_float32_serve(agreement, limits):
    checks = int8_checks(TABLE, agreement, TrainingSettings(**limits))
    assert sum(not check.passed for check in checks) == 1
    assert choose_served(checks) == "model.onnx"


def test_table_holds_the_three_models(trained):
    settings, manifest = trained
    folder = settings.paths.models / manifest.key
    facts = json.loads((folder / "metrics.json").read_bytes())
    assert [(e["name"], e["file"]) for e in facts["exports"]] == [
        ("as exported", "model.onnx"),
        ("optimised", None),
        ("INT8", "model.int8.onnx"),
    ]
    for export in facts["exports"]:
        assert export["agreement"] > 0.95
        assert export["macro_f1"] > 0.95
        assert [(c["batch"], c["tokens"]) for c in export["latency"]] == [
            (1, 16), (1, 64), (1, 128), (32, 16), (32, 64), (32, 128),
        ]  # fmt: skip
        assert all(0 < c["p50_ms"] <= c["p99_ms"] and c["runs"] >= 2 for c in export["latency"])
        if export["file"]:
            assert export["bytes"] == (folder / export["file"]).stat().st_size
    assert facts["served"] == "model.int8.onnx"
    assert facts["macro_f1_held_out"] == facts["exports"][2]["macro_f1"]
    assert manifest.figures["served"] == "model.int8.onnx"
    # What is only measured is not kept.
    assert sorted(p.name for p in folder.glob("*.onnx")) == ["model.int8.onnx", "model.onnx"]


def test_int8_that_is_too_slow_is_kept_and_float32_serves(
    tmp_path, make_settings, publish_labeled, toy, caplog
):
    publish_labeled(tmp_path, toy.rows())
    settings = make_settings(tmp_path, min_int8_speedup=1e9)
    with caplog.at_level(logging.WARNING, "d_training.export.compare"):
        manifest = run(settings)
    said = "export: INT8 does not pass (INT8, times as fast), model.onnx serves"
    assert said in caplog.messages
    folder = settings.paths.models / manifest.key
    assert served_model(folder) == "model.onnx"
    facts = json.loads((folder / "metrics.json").read_bytes())
    assert facts["macro_f1_held_out"] == facts["exports"][1]["macro_f1"]
    assert "`model.onnx` serves: INT8 did not pass" in (folder / "model_card.md").read_text("utf-8")
    texts = ["my parcel late", "thanks you"]
    logits = onnx_logits(folder, texts, model="model.onnx", max_length=16)
    np.testing.assert_allclose(
        served_answers(folder, texts).probs,
        softmax(logits / np.float32(facts["temperature"])),
        atol=1e-6,
    )
    int8 = served_answers(folder, texts, model="model.int8.onnx").probs
    assert np.abs(int8 - served_answers(folder, texts).probs).max() > 1e-6
