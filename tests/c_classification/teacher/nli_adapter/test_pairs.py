import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c_classification.teacher.nli_adapter.pairs import (
    Pair,
    Utterance,
    in_words,
    intent_pairs,
    near_intents,
    read_sources,
    training_pairs,
)
from common.errors import DataError


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """Five banking intents and seven of clinc150, so that one of each is kept out."""
    rows = [f"about {name} {n},{name}" for name in "abcde" for n in range(3)]
    for part in ("train", "test"):
        (tmp_path / f"b77_{part}.csv").write_text("text,category\n" + "\n".join(rows) + "\n")
    said = [[f"say {name} {n}", f"{name}_x"] for name in "fghijkl" for n in range(2)]
    (tmp_path / "clinc150.json").write_text(json.dumps({
        "train": said, "val": [], "test": said, "oos_train": [["what?", "oos"]], "oos_val": [],
    }))  # fmt: skip
    domains = {"first": ["f_x", "g_x", "h_x"], "second": ["i_x", "j_x", "k_x", "l_x"]}
    (tmp_path / "clinc_domains.json").write_text(json.dumps(domains))
    for part in ("dev", "test"):
        (tmp_path / f"snli_s1.{part}").write_text("A man sleeps.\nA dog runs.\nA cat.\n")
        (tmp_path / f"snli_s2.{part}").write_text("A man rests.\nA dog sits.\nA pet.\n")
        (tmp_path / f"snli_labels.{part}").write_text("entailment\ncontradiction\n-\n")
    head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
    (tmp_path / "SICK.txt").write_text(head + "1\tA\tB\t4.5\tNEUTRAL\n2\tC\tD\t4\tENTAILMENT\n")
    return tmp_path


def embed(texts: Any) -> Any:
    """Unit vectors that say nothing: every text its own direction."""
    vectors = np.random.default_rng(len(texts)).normal(size=(len(texts), 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_unseen_intents_and_pairs_are_kept_out_of_training(folder: Path) -> None:
    sources = read_sources(folder)
    assert {u.intent for u in sources.banking} == {"b", "c", "d", "e"}
    assert {u.intent for u in sources.banking_unseen} == {"a"}
    assert {u.intent for u in sources.clinc_unseen} == {"f x"}
    assert sources.domains["i x"] == "second"
    assert sources.snli_unseen == [Pair("A man sleeps.", "A man rests.", 1)]
    assert len(sources.snli) == 3
    assert sources.sick == [Pair("A", "B", 0), Pair("C", "D", 1)]

    pairs = training_pairs(sources, embed=embed, seed=1)
    words = {word for pair in pairs for word in pair.premise.split()}
    assert "b" in words
    assert not {"a", "f"} & words
    assert {pair for pair in pairs if pair.premise.startswith("A ")} == set(sources.snli)
    assert [pair.entailed for pair in pairs if pair.premise == "what?"] == [0]


def test_each_utterance_entails_its_intent_and_not_a_near_one() -> None:
    utterances = [Utterance("where is it", "lost card"), Utterance("pay me", "refund")]
    near = {"lost card": ["refund"], "refund": ["lost card"]}
    pairs = intent_pairs(utterances, {}, near, random.Random(3))
    for text, intent in utterances:
        mine = [pair for pair in pairs if pair.premise == text and "says" not in pair.hypothesis]
        assert sum(pair.entailed for pair in mine) == 1
        for pair in mine:
            assert (intent in pair.hypothesis) == (pair.entailed == 1)


def test_near_intents_are_those_whose_utterances_lie_near() -> None:
    places = {"x": (1.0, 0.0), "y": (0.9, 0.4), "z": (0.0, 1.0)}
    utterances = [Utterance(name, name) for name in "xyz"]
    near = near_intents(utterances, lambda texts: np.array([places[t] for t in texts], np.float32))
    assert near == {"x": ["y", "z"], "y": ["x", "z"], "z": ["y", "x"]}


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "SICK.txt").unlink()
    with pytest.raises(DataError, match=r"SICK\.txt is missing"):
        read_sources(folder)


def test_intent_names_in_words() -> None:
    assert in_words("Refund_not_showing_up") == "refund not showing up"
    assert in_words("reverted_card_payment?") == "reverted card payment"
