from typing import Any

import pytest
import yaml

from common.models.metrics import ModelMetrics
from d_training.cards import model_card as module

LOOK = {"texts": 100, "train_loss": 1.5, "validation_loss": 1.25}
FACTS: dict[str, Any] = {
    "model_id": "0123456789ab",
    "created_at": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
    "student": "minilm-wheel",
    "teacher": "embedding",
    "source": "kaggle",
    "labels": ("bill", "rest"),
    "labels_sha256": "",
    "text_rules_sha256": "",
    "synthetic_messages": 0,
    "max_length": 96,
    "temperature": 1.5,
    "abstain_threshold": 0.3125,
    "teacher_abstained_share": 0.125,
    "rows": {"train": 12_000, "validation": 100, "test": 200, "human": 0},
    "precision": "fp32",
    "device": "cpu",
    "cpu_flags": ["avx2"],
    "served": "model.int8.onnx",
    "label_shares": dict.fromkeys(
        ("teacher_train", "teacher_held_out", "student_held_out"), (0.25, 0.75)
    ),
    "training": {
        "seconds": 9, "texts_per_second": 90, "texts_seen": 100, "stopped_early": False,
        "kept": LOOK, "curve": [LOOK],
    },
    "int8_checks": [
        {"name": "INT8 agrees with float32", "value": 0.995, "rule": "at least", "limit": 0.9},
    ],
    "exports": [
        {
            "name": "as exported",
            "file": "model.onnx",
            "bytes": 91_400_000,
            "agreement": 1.0,
            "macro_f1": 0.8125,
            "calibration_error": 0.03125,
            "coverage": 0.875,
            "temperature": 1.5,
            "abstain_threshold": 0.3,
            "latency": [{"batch": 1, "tokens": 16, "runs": 37, "p50_ms": 2.5, "p99_ms": 3.25}],
        },
        {
            "name": "optimised",
            "file": None,
            "bytes": 90_900_000,
            "agreement": 1.0,
            "macro_f1": 0.8125,
            "calibration_error": 0.03125,
            "coverage": 0.875,
            "temperature": 1.5,
            "abstain_threshold": 0.3,
            "latency": [{"batch": 1, "tokens": 16, "runs": 40, "p50_ms": 2.25, "p99_ms": 3.0}],
        },
    ],
    "parity": {},
    "slices": {
        "length": [
            {
                "name": "up to 60 characters",
                "texts": 1_200,
                "agreement": 0.875,
                "interval_95": [0.85, 0.9],
            },
        ],
        "brand": [
            {"name": "a|b", "texts": 20, "agreement": 0.5, "interval_95": [0.3, 0.7]},
        ],
    },
    "held_out": {
        "texts": 200,
        "texts_labeled_by_teacher": 175,
        "teacher_agreement": 0.9,
        "teacher_agreement_interval_95": (0.85, 0.925),
        "macro_f1": 0.8,
        "macro_f1_interval_95": (0.75, 0.85),
        "soft_cross_entropy": 0.5,
        "expected_calibration_error": 0.04,
        "coverage": 0.88,
        "teacher_coverage": 0.875,
        "f1": [0.7, 0.9],
        "f1_interval_95": [(0.6, 0.8), (0.85, 0.95)],
        "support": [50, 125],
        "confusion": [[40, 10], [5, 120]],
        "reliability": [],
    },
    "data": {},
    "classification": {},
}  # fmt: skip


def model_card(facts: dict[str, Any]) -> str:
    return module.model_card(ModelMetrics.model_validate(facts))


def test_card_says_what_it_is_and_what_it_is_worth() -> None:
    card = model_card(FACTS)
    for said in (
        "# Model 0123456789ab",
        "bill, rest",
        "all-MiniLM-L6-v2 (Apache 2.0)",
        "CC BY-NC-SA 4.0",
        "the teacher `embedding`",
        "12.5 % of the texts",
        "12,000 distinct texts",
        "| agreement with the teacher (95 % interval) | 0.900 (0.850-0.925) |",
        "0.800 (0.750-0.850)",
        "| bill | 0.70 (0.60-0.80) | 50 |",
        "agreement, not accuracy",
        "below 0.312",
        "| length | up to 60 characters | 1,200 | 0.875 (0.850-0.900) |",
        "| brand | a\\|b | 20 | 0.500 (0.300-0.700) |",
        "| as exported | model.onnx | 91.4 | 1.0000 | 0.812 | 0.031 | 2.50 / 3.25 |",
        "| optimised | not kept | 90.9 | 1.0000 | 0.812 | 0.031 | 2.25 / 3.00 |",
        "37 to 40 runs each",
        "`model.int8.onnx` serves: it passed.",
        "| INT8 agrees with float32 | 0.995 | at least 0.9 | passed |",
    ):
        assert said in card, said


def test_where_float32_serves_the_card_says_why() -> None:
    failed = FACTS["int8_checks"][0] | {"value": 0.5}
    card = model_card(FACTS | {"served": "model.onnx", "int8_checks": [failed]})
    assert "`model.onnx` serves: INT8 did not pass." in card
    assert "| INT8 agrees with float32 | 0.500 | at least 0.9 | FAILED |" in card


def test_slices_that_are_not_known_are_said_to_be() -> None:
    card = model_card(FACTS | {"slices": {"length": FACTS["slices"]["length"]}})
    assert "By language and brand it is not known" in card


def test_unknown_origin_is_said_to_be_unknown() -> None:
    card = model_card(FACTS | {"source": "unknown", "student": "models/mine"})
    assert "Data: of unknown source, and so of unknown licence." in card
    assert "It is models/mine (its licence is not known here)" in card


def test_settings_from_a_study_are_told() -> None:
    assert "found by tuning" not in model_card(FACTS)
    values = {"learning_rate": 0.00031249, "batch_size": 1024}
    tuning = {"study": "0123456789ab", "trial": 7, "finished": 10, "validation_loss": 0.51239}
    card = " ".join(model_card(FACTS | {"tuning": tuning | {"values": values}}).split())
    assert (
        "- Settings found by tuning: learning_rate 0.000312, batch_size 1024; trial 7 of study "
        "0123456789ab, the best of 10 by its loss on the texts for stopping (0.5124). - Made "
    ) in card


def test_texts_that_people_labeled_are_told_of() -> None:
    assert "No person labeled any text." in model_card(FACTS)
    card = model_card(FACTS | {"rows": FACTS["rows"] | {"human": 1_234}})
    assert "People labeled 1,234 of the training texts, which count for more." in card
    assert "No person labeled" not in card


def test_front_matter_is_what_tools_read() -> None:
    _, matter, _ = model_card(FACTS).split("---", 2)
    found = yaml.safe_load(matter)
    assert found["license"] == "cc-by-nc-sa-4.0"
    assert found["pipeline_tag"] == "text-classification"
    (index,) = found["model-index"]
    (result,) = index["results"]
    assert result["metrics"][0]["value"] == pytest.approx(0.8)
    assert "not against people" in result["metrics"][0]["name"]
