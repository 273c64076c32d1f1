from collections import Counter

import numpy as np

from benchmarks.teachers.__main__ import describe, format_table
from benchmarks.teachers.ways import Labeling, teachers
from common.config.classification import ClassificationSettings
from common.labels import Label, LabelSchema
from d_training.evaluation.gold import Gold

SCHEMA = LabelSchema(
    catch_all="b",
    labels=(
        Label(name="a", description="d", hypotheses=("first",)),
        Label(name="b", description="e", hypotheses=("second",)),
    ),
)
GOLD = Gold(
    texts=["t", "u", "v", "w"],
    truth=np.array([0, 0, 1, 1]),
    records=np.arange(4),
    left_out=Counter(),
)


def test_parts_differ_from_the_whole_in_what_their_name_says() -> None:
    settings = ClassificationSettings.model_validate(
        {
            "teacher": "embedding",
            "embedding": {"checkpoint": "mpnet-wheels"},
            "nli": {"hypotheses": 1, "int8": True},
        }
    )
    seen = {
        name: (
            s.teacher, s.embedding.checkpoint, s.embedding.tune_steps, s.nli.hypotheses,
        )
        for name, s in teachers(settings).items()
    }  # fmt: skip
    assert seen == {
        "MiniLM, frozen": ("embedding", "minilm-wheel", 0, 1),
        "MiniLM, tuned": ("embedding", "minilm-wheel", 40, 1),
        "mpnet, frozen": ("embedding", "mpnet-wheels", 0, 1),
        "NLI, one hypothesis a label": ("nli", "mpnet-wheels", 40, 1),
        "NLI, all hypotheses": ("nli", "mpnet-wheels", 40, None),
        "mpnet, tuned, and NLI": ("ensemble", "mpnet-wheels", 40, 1),
        "mpnet, tuned": ("embedding", "mpnet-wheels", 40, 1),
    }
    assert all(s.nli.int8 for s in teachers(settings).values())
    assert teachers(settings)["mpnet, tuned"] == settings


def test_every_text_counts_and_seconds_are_of_a_thousand() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.2, 0.8]], np.float32)
    row = describe("way", Labeling(scores.argmax(axis=1), scores, 0.5), GOLD, SCHEMA, seed=17)
    # F1 of a: 2 * 1 / (1 + 2), of b: 2 * 2 / (3 + 2).
    assert (row["accuracy"], row["macro_f1"]) == (0.75, 0.7333)
    low, high = row["macro_f1_interval_95"]
    assert 0 <= low < 0.7333 < high <= 1
    # By confidence: 0.9, 0.9 right (gap 0.1, two rows); 0.8, 0.8 half right (gap 0.3, two rows).
    assert row["expected_calibration_error"] == 0.2
    assert row["seconds_per_1000"] == 125.0


def test_a_way_without_scores_has_no_calibration_error() -> None:
    row = describe("way", Labeling(np.array([0, 0, 1, 1]), None, 2.0), GOLD, SCHEMA, seed=17)
    assert (row["accuracy"], row["macro_f1"], row["expected_calibration_error"]) == (1, 1, None)


def test_the_table_is_aligned() -> None:
    rows = [
        {
            "teacher": "keywords", "accuracy": 0.5, "macro_f1": 0.4321,
            "macro_f1_interval_95": [0.4, 0.5], "expected_calibration_error": None,
            "seconds_per_1000": 0.1,
        },
        {
            "teacher": "NLI", "accuracy": 0.75, "macro_f1": 0.7, "seconds_per_1000": 12.5,
            "macro_f1_interval_95": [0.65, 0.75], "expected_calibration_error": 0.0512,
        },
    ]  # fmt: skip
    assert format_table(rows).splitlines() == [
        "| teacher  | accuracy | macro-F1 | 95 % interval | calibration error | s / 1,000 |",
        "| -------- | -------: | -------: | ------------: | ----------------: | --------: |",
        "| keywords |    0.500 |    0.432 |   0.400-0.500 |                 - |      0.10 |",
        "| NLI      |    0.750 |    0.700 |   0.650-0.750 |             0.051 |     12.50 |",
    ]
