from d_training.card import model_card

FACTS = {
    "experiment_id": "0123456789ab",
    "created_at": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
    "student": "minilm-wheel",
    "teacher": "embedding",
    "source": "kaggle",
    "labels": ("bill", "rest"),
    "max_length": 96,
    "abstain_threshold": 0.3125,
    "macro_f1_held_out": 0.8,
    "teacher_abstained_share": 0.125,
    "rows": {"train": 12_000, "validation": 100, "test": 200},
    "parity": {"int8": {"max_difference": 0.01, "agreement": 0.995}},
    "held_out": {
        "teacher_agreement": 0.9,
        "macro_f1": 0.8,
        "macro_f1_interval_95": (0.75, 0.85),
        "expected_calibration_error": 0.04,
        "coverage": 0.88,
        "teacher_coverage": 0.875,
        "f1": [0.7, 0.9],
        "support": [50, 125],
    },
}


def test_card_says_what_it_is_and_what_it_is_worth():
    card = model_card(FACTS)
    for said in (
        "# Model 0123456789ab",
        "bill, rest",
        "all-MiniLM-L6-v2 (Apache 2.0)",
        "CC BY-NC-SA 4.0",
        "the teacher `embedding`",
        "12.5 % of the texts",
        "12,000 distinct texts",
        "| agreement with the teacher | 0.900 |",
        "0.800 (0.750-0.850)",
        "| bill | 0.70 | 50 |",
        "agreement, not accuracy",
        "below 0.312",
    ):
        assert said in card


def test_unknown_origin_is_said_to_be_unknown():
    card = model_card(FACTS | {"source": "unknown", "student": "models/mine"})
    assert "Data: of unknown source." in card
    assert "It is models/mine" in card
