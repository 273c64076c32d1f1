import math

import numpy as np
import pytest

from common.models.reference import Spread, distance, make_reference


def test_a_value_on_an_edge_belongs_to_the_bin_above() -> None:
    spread = Spread(edges=(0.5, 0.8), counts=(1, 1, 1))
    assert [spread.bin_of(v) for v in (0.1, 0.5, 0.79, 0.8, 1.0)] == [0, 1, 1, 2, 2]


def test_a_reference_counts_labels_abstentions_and_tenths() -> None:
    reference = make_reference(
        best=[0, 0, 1, 2, 2] * 20,
        confidence=[i / 100 for i in range(100)],
        tokens=[3] * 50 + [9] * 50,
        sure=[True, False, True, True, True] * 20,
        labels=3,
    )
    assert reference.labels == (20, 20, 40, 20)
    assert reference.confidence.counts == (10,) * 10
    assert reference.tokens == Spread(edges=(9,), counts=(50, 50))  # few values, few bins


def test_texts_that_are_all_alike_are_one_bin() -> None:
    reference = make_reference(
        best=[0] * 9, confidence=[0.9] * 9, tokens=[5] * 9, sure=[True] * 9, labels=2
    )
    assert reference.tokens == Spread(edges=(), counts=(9,))
    assert distance([9], [4]) == (0, 0)


def test_distance_by_hand() -> None:
    found = distance([50, 50], [80, 20])
    # (80.5 - 50.5) / 101 * ln(80.5 / 50.5) + (20.5 - 50.5) / 101 * ln(20.5 / 50.5)
    assert found.psi == pytest.approx(30 / 101 * math.log(80.5 / 20.5))
    # The 0.999 quantile of chi-squared with one degree of freedom is 10.83.
    assert found.chance == pytest.approx(10.83 * 2 / 100, rel=0.05)
    assert distance([5, 5], [5, 5]).psi == 0
    assert distance([5, 5], [0, 0]) == (0, 0)


def test_what_never_came_before_is_far_but_not_infinitely() -> None:
    assert 1 < distance([100, 0], [50, 50]).psi < 10


def test_chance_is_where_samples_of_the_same_kind_stay_below() -> None:
    draw = np.random.default_rng(3)
    shares = [0.4, 0.25, 0.2, 0.1, 0.05]
    over = 0
    for _ in range(4_000):
        expected, found = draw.multinomial(600, shares), draw.multinomial(500, shares)
        psi, chance = distance(expected.tolist(), found.tolist())
        over += psi > chance
    assert over <= 16  # four are expected
