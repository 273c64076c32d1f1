import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.models.metrics import ExportMetrics
from common.models.registry import cards_folder, served_model
from common.onnx.model import OnnxModel, softmax
from common.stage.manifest import Manifest
from d_training import run
from d_training.evaluation.served import served_answers
from d_training.export.compare import choose_served, int8_checks
from d_training.export.onnx import onnx_logits
from tests.d_training.conftest import Toy


def row(name: str, *, macro_f1: float, error: float, p50: tuple[float, ...]) -> ExportMetrics:
    rest = {"runs": 2, "p99_ms": 99}
    latency = [{"batch": 1, "tokens": n, "p50_ms": ms, **rest} for n, ms in enumerate(p50)]
    latency.append({"batch": 32, "tokens": 16, "p50_ms": 7, **rest})
    figures = {"macro_f1": macro_f1, "calibration_error": error, "coverage": 1, "agreement": 1}
    fitted = {"temperature": 1, "abstain_threshold": 0}
    content = {"name": name, "file": None, "bytes": 9, "latency": latency, **figures, **fitted}
    return ExportMetrics.model_validate(content)


TABLE = [
    row("as exported", macro_f1=0.1, error=0.9, p50=(9.0, 9.0)),
    row("optimised", macro_f1=0.875, error=0.125, p50=(2.0, 18.0)),
    row("INT8", macro_f1=0.75, error=0.1875, p50=(1.0, 9.0)),
]
LIMITS = {"max_int8_loss": 0.2, "max_int8_calibration_loss": 0.1}


def test_int8_is_held_against_what_would_serve_in_its_place() -> None:
    limits = TrainingSettings(
        max_int8_loss=0.125, max_int8_calibration_loss=0.0625, min_int8_speedup=2
    )
    checks = int8_checks(TABLE, agreement=0.95, answered_by_one=0.03125, limits=limits)
    assert [(c.name, c.rule, c.limit, c.passed) for c in checks] == [
        ("INT8 agrees with float32", "at least", 0.9, True),
        ("macro-F1 lost by INT8", "at most", 0.125, True),
        ("calibration error added by INT8", "at most", 0.0625, True),
        ("answered by INT8 or float32 alone", "at most", 0.05, True),
        ("INT8, times as fast", "at least", 2, True),
    ]
    # The geometric mean of 2 / 1 and 18 / 9.
    assert [c.value for c in checks] == pytest.approx([0.95, 0.125, 0.0625, 0.03125, 2])
    assert choose_served(checks) == "model.int8.onnx"


@pytest.mark.parametrize(
    ("agreement", "answered_by_one", "limits"),
    [
        (0.85, 0.03, {}),
        (0.95, 0.06, {}),
        (0.95, 0.03, {"max_int8_loss": 0.1}),
        (0.95, 0.03, {"max_int8_calibration_loss": 0.05}),
        (0.95, 0.03, {"max_int8_coverage_change": 0.02}),
        (0.95, 0.03, {"min_int8_speedup": 2.5}),
    ],
)
def test_one_failed_check_lets_float32_serve(
    agreement: float, answered_by_one: float, limits: dict[Any, Any]
) -> None:
    checks = int8_checks(
        TABLE,
        agreement=agreement,
        answered_by_one=answered_by_one,
        limits=TrainingSettings(**(LIMITS | limits)),
    )
    assert sum(not check.passed for check in checks) == 1
    assert choose_served(checks) == "model.onnx"


def test_table_holds_the_three_models(trained: tuple[Settings, Manifest]) -> None:
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
    assert facts["held_out"]["macro_f1"] == facts["exports"][2]["macro_f1"]
    assert manifest.figures["served"] == "model.int8.onnx"
    # What is only measured is not kept.
    assert sorted(p.name for p in folder.glob("*.onnx")) == ["model.int8.onnx", "model.onnx"]


def test_int8_that_is_too_slow_is_kept_and_float32_serves(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish_labeled(tmp_path, toy.rows())
    settings = make_settings(tmp_path, min_int8_speedup=1e9)
    with caplog.at_level(logging.WARNING, "d_training.export.compare"):
        manifest = run(settings)
    said = "export: INT8 does not pass (INT8, times as fast), model.onnx serves"
    assert said in caplog.messages
    folder = settings.paths.models / manifest.key
    assert served_model(folder) == "model.onnx"
    facts = json.loads((folder / "metrics.json").read_bytes())
    assert facts["held_out"]["macro_f1"] == facts["exports"][1]["macro_f1"]
    card = cards_folder(settings.paths.models, manifest.key) / "model_card.md"
    assert "`model.onnx` serves: INT8 did not pass" in card.read_text("utf-8")
    texts = ["my parcel late", "thanks you"]
    logits = onnx_logits(folder, texts, model="model.onnx", max_length=16)
    np.testing.assert_allclose(
        served_answers(folder, texts).probs,
        softmax(logits / np.float32(facts["temperature"])),
        atol=1e-6,
    )
    int8 = served_answers(folder, texts, model="model.int8.onnx").probs
    assert np.abs(int8 - served_answers(folder, texts).probs).max() > 1e-6


def fake_quantizer(*nodes: onnx.NodeProto) -> Any:
    """An "INT8" file that is model.onnx with ``nodes`` between its raw output and its logits."""

    def quantize(source: Path, target: Path, tokenizer: Path) -> None:
        model = onnx.load(source)
        for node in model.graph.node:
            node.output[:] = ["raw" if name == "logits" else name for name in node.output]
        model.graph.node.extend(nodes)
        onnx.save(model, target)

    return quantize


def test_temperature_and_threshold_are_those_of_the_file_that_serves(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The same labels, a quarter of the logit: torch's temperature would make it unsure of all.
    quarter = [
        onnx.helper.make_node("Constant", [], ["quarter"], value_float=0.25),
        onnx.helper.make_node("Mul", ["raw", "quarter"], ["logits"]),
    ]
    monkeypatch.setattr("d_training.export.onnx.quantize_int8", fake_quantizer(*quarter))
    publish_labeled(tmp_path, toy.rows())
    settings = make_settings(tmp_path)
    folder = settings.paths.models / run(settings).key
    facts = json.loads((folder / "metrics.json").read_bytes())
    plain, _, int8 = facts["exports"]
    assert int8["temperature"] == pytest.approx(plain["temperature"] / 4, rel=0.01)
    assert facts["served"] == "model.int8.onnx"
    assert facts["temperature"] == int8["temperature"]
    assert facts["abstain_threshold"] == int8["abstain_threshold"]
    assert facts["held_out"]["coverage"] == int8["coverage"] == pytest.approx(7 / 8, abs=0.1)
    for name, export in (("model.onnx", plain), ("model.int8.onnx", int8)):
        model = OnnxModel(folder / name, folder / "tokenizer.json", max_length=8, threads=1)
        assert model.metadata["temperature"] == json.dumps(export["temperature"])
        assert model.metadata["abstain_threshold"] == json.dumps(export["abstain_threshold"])
    # Each file is asked by its own calibration, whichever serves.
    texts = ["my parcel late", "thanks you ?"]
    np.testing.assert_allclose(
        served_answers(folder, texts, model="model.onnx").probs,
        served_answers(folder, texts).probs,
        atol=0.01,
    )


def test_int8_of_equal_labels_whose_confidence_means_nothing_does_not_serve(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Every text's logits get one length, as saturation does to them: all are equally sure.
    flat = onnx.helper.make_node("LpNormalization", ["raw"], ["logits"], axis=-1, p=2)
    monkeypatch.setattr("d_training.export.onnx.quantize_int8", fake_quantizer(flat))
    publish_labeled(tmp_path, toy.rows())
    # A toy's labels are easy: even so, confidences that mean nothing add a calibration error.
    settings = make_settings(tmp_path, max_int8_calibration_loss=0.01)
    folder = settings.paths.models / run(settings).key
    facts = json.loads((folder / "metrics.json").read_bytes())
    assert facts["parity"]["int8"]["agreement"] == 1.0
    failed = [check["name"] for check in facts["int8_checks"] if not check["passed"]]
    assert "calibration error added by INT8" in failed
    assert facts["served"] == "model.onnx"
    assert facts["temperature"] == facts["exports"][0]["temperature"]
    assert facts["held_out"]["coverage"] == facts["exports"][1]["coverage"]
