from typing import Any

import numpy as np

from benchmarks.labeling.__main__ import (
    FIVE,
    SEVENTY_SEVEN,
    describe,
    leads,
    nli_alone,
    sample_texts,
    shortlisted,
)
from benchmarks.labeling.sides import Outcome
from common.labels import load_labels


def outcome(*rows: Any, seconds: Any) -> Outcome:
    return Outcome(np.array(rows, np.float32), seconds)


def test_ratio_and_equal_labels_are_against_the_pipeline() -> None:
    peer = outcome([0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8], seconds=8.0)
    ours = outcome([0.8, 0.2], [0.6, 0.4], [0.6, 0.4], [0.1, 0.9], seconds=2.0)
    assert describe("ours", ours, peer) == {
        "how": "ours", "labels": 2, "texts": 4, "texts_per_s": 2.0, "ratio": 4.0,
        "equal_labels": 0.75, "equal_labels_of": 4,
    }  # fmt: skip


def test_a_slow_pipeline_may_get_the_first_texts_alone() -> None:
    peer = outcome([0.9, 0.1], seconds=2.0)
    ours = outcome([0.8, 0.2], [0.6, 0.4], [0.6, 0.4], seconds=1.0)
    row = describe("ours", ours, peer)
    assert (row["ratio"], row["equal_labels"], row["equal_labels_of"]) == (6.0, 1.0, 1)


def test_leads_are_differences_of_logits() -> None:
    # Softmax of (1, 0), (3, 0) and (0, 2): the best leads by 1, 3 and 2.
    peer = np.array([[0.7310586, 0.2689414], [0.9525741, 0.0474259], [0.1192029, 0.8807971]])
    flipped = np.array([[0.4, 0.6], [0.9, 0.1], [0.1, 0.9]])
    assert leads(peer, flipped) == {"all": [1.0, 2.0, 3.0], "int8_differs": [1.0, 1.0, 1.0]}
    assert leads(peer, peer)["int8_differs"] is None


def test_every_side_gets_one_hypothesis_a_label() -> None:
    chosen = (nli_alone(int8=False), nli_alone(int8=True), shortlisted(tuned=True))
    assert [settings.nli.hypotheses for settings in chosen] == [1, 1, 1]
    assert [settings.nli.int8 for settings in chosen] == [False, True, True]
    assert [settings.nli.checkpoint for settings in chosen] == ["embedded"] * 3


def test_as_many_labels_as_the_table_says() -> None:
    assert len(load_labels(FIVE).names) == 5
    assert len(load_labels(SEVENTY_SEVEN).names) == 77


def test_texts_are_distinct_and_as_many_as_asked() -> None:
    texts = sample_texts(50)
    assert len(texts) == len(set(texts)) == 50
    assert sample_texts(50) == texts
