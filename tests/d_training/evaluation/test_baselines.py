from typing import Any

import numpy as np

from common.labels import Label, LabelSchema
from d_training.evaluation.baselines import keyword_labels, majority_labels


def schema(*labels: Label) -> LabelSchema:
    return LabelSchema(catch_all=labels[-1].name, labels=labels)


WITH_KEYWORDS = schema(
    Label(name="bill", description="d", hypotheses=("h",), keywords=("bill", "charged twice")),
    Label(name="parcel", description="d", hypotheses=("h",), keywords=("parcel", "Late!")),
    Label(name="rest", description="d", hypotheses=("h",), keywords=()),
)


def labels_of(texts: Any, chosen: Any = WITH_KEYWORDS) -> list[Any]:
    return [chosen.names[k] for k in keyword_labels(texts, chosen)]


def test_most_hits_win_then_the_first_label_then_the_catch_all() -> None:
    assert labels_of(
        [
            "My PARCEL is late, so is the bill",
            "bill, parcel",
            "nothing of this",
            "",
            "charged twice",
        ]
    ) == ["parcel", "bill", "rest", "rest", "bill"]


def test_only_whole_words_and_whole_phrases_count() -> None:
    assert labels_of(["billing", "charged", "twice charged", "lately"]) == ["rest"] * 4


def test_words_of_the_wording_stand_in_for_missing_keywords() -> None:
    worded = schema(
        Label(
            name="late order",
            description="an order that came late",
            hypotheses=("h",),
            examples=("Where is the courier?",),
        ),
        Label(name="money", description="what money that came back", hypotheses=("h",)),
    )
    assert labels_of(["the courier", "money please", "order"], worded) == [
        "late order", "money", "late order",
    ]  # fmt: skip
    # "that" and "came" are used by both labels, "is" is short: no hit, so the catch-all.
    assert labels_of(["that came", "is"], worded) == ["money", "money"]


def test_majority_is_the_most_frequent_label_for_every_row() -> None:
    assert majority_labels(np.array([2, 1, 2, 0]), labels=3).tolist() == [2, 2, 2, 2]
