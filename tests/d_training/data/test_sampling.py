import numpy as np

from d_training.data.sampling import sample_balanced

LABELS = np.array([0] * 100 + [1] * 6 + [2] * 40)


def chosen_labels(limit: int, seed: int = 1) -> list[int]:
    chosen = sample_balanced(LABELS, limit=limit, seed=seed)
    assert len(set(chosen.tolist())) == len(chosen)
    counts: list[int] = np.bincount(LABELS[chosen], minlength=3).tolist()
    return counts


def test_rare_label_gives_all_and_the_others_share_the_rest() -> None:
    assert chosen_labels(60) == [27, 6, 27]
    assert chosen_labels(100) == [54, 6, 40]
    assert chosen_labels(9) == [3, 3, 3]


def test_limit_beyond_the_rows_takes_all() -> None:
    assert chosen_labels(1_000) == [100, 6, 40]


def test_chance_decides_by_seed_and_order_is_kept() -> None:
    first = sample_balanced(LABELS, limit=60, seed=1)
    assert first.tolist() == sorted(first.tolist())
    assert first.tolist() == sample_balanced(LABELS, limit=60, seed=1).tolist()
    assert first.tolist() != sample_balanced(LABELS, limit=60, seed=2).tolist()
