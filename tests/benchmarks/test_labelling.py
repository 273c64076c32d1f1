from pathlib import Path

import numpy as np

from benchmarks.labelling.__main__ import describe, sample_texts, with_one_hypothesis
from benchmarks.labelling.sides import Outcome
from benchmarks.labelling.weights import Pair, read_snli
from common.labels import Label, LabelSchema


def test_ratio_and_equal_labels_are_against_the_pipeline():
    peer = Outcome(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]], np.float32), 8.0)
    ours = Outcome(np.array([[0.8, 0.2], [0.6, 0.4], [0.6, 0.4], [0.1, 0.9]], np.float32), 2.0)
    assert describe("ours", ours, peer, 4) == {
        "how": "ours", "texts_per_s": 2.0, "ratio": 4.0, "equal_labels": 0.75,
    }  # fmt: skip


def test_both_sides_get_one_hypothesis_a_label():
    schema = LabelSchema(
        catch_all="b",
        labels=(
            Label(name="a", description="d", hypotheses=("first", "second")),
            Label(name="b", description="d", hypotheses=("only",)),
        ),
    )
    chosen = with_one_hypothesis(schema)
    assert [label.hypotheses for label in chosen.labels] == [("first",), ("only",)]


def test_texts_are_distinct_and_as_many_as_asked():
    texts = sample_texts(50)
    assert len(texts) == len(set(texts)) == 50
    assert sample_texts(50) == texts


def test_pairs_without_a_majority_label_are_left_out(tmp_path: Path):
    (tmp_path / "snli_s1.dev").write_text("A man runs .\nA dog .\nA cat .\n")
    (tmp_path / "snli_s2.dev").write_text("He moves .\nNobody .\nA pet .\n")
    (tmp_path / "snli_labels.dev").write_text("entailment\n-\nneutral\n")
    assert read_snli(tmp_path) == [
        Pair("A man runs .", "He moves .", 1), Pair("A cat .", "A pet .", 2),
    ]  # fmt: skip
