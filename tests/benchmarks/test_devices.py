from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.devices.__main__ import scoring_speed
from benchmarks.devices.checkpoints import SIZES


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_text_is_scored_once_beside_the_warm_up(workers: int) -> None:
    loaded: list[Counter[str]] = []

    def load() -> Any:
        loaded.append(Counter())
        return loaded[-1]

    def score(model: Any, texts: Sequence[str]) -> None:
        model.update(texts)

    texts = [f"text {n}" for n in range(16)]
    assert scoring_speed(load, score, texts, workers=workers) > 0
    assert len(loaded) == workers
    # Each worker warms up on the first eighth, and one of them scores each text.
    total = sum(loaded, Counter())
    assert total == {text: 1 + workers * (n < 2) for n, text in enumerate(texts)}


def test_the_models_of_the_profiles_are_there() -> None:
    assert set(SIZES) == {
        "all-MiniLM-L6-v2", "all-mpnet-base-v2", "deberta-v3-xsmall", "deberta-v3-base",
        "deberta-v3-large", "bert-base-uncased",
    }  # fmt: skip
