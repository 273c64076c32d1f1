"""Shares that are corrected for known errors; expected ones are worked out by hand."""

import numpy as np
import pytest

from e_apification.bulk.shares import Shares, estimate_shares


def shares(answers: list[int], judged: list[list[int]]) -> Shares:
    return estimate_shares(np.array(answers), np.array(judged), seed=1)


def test_a_label_that_is_named_too_rarely_gets_its_share() -> None:
    # Half of each: 0.5 * 0.8 + 0.5 * 0.1 = 0.45 named the first.
    found = shares([450, 550, 0], [[80, 20, 0], [10, 90, 0]])
    assert found.share == pytest.approx([0.5, 0.5], abs=1e-3)


def test_what_got_no_label_is_shared_out_by_who_gets_none() -> None:
    # 0.25 * (0.6, 0.2, 0.2) + 0.75 * (0.1, 0.5, 0.4) = (0.225, 0.425, 0.35)
    found = shares([225, 425, 350], [[60, 20, 20], [10, 50, 40]])
    assert found.share == pytest.approx([0.25, 0.75], abs=1e-3)


def test_a_label_without_a_labeled_text_is_taken_as_named() -> None:
    found = shares([300, 500, 200, 0], [[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 0, 0]])
    assert found.share == pytest.approx([0.3, 0.5, 0.2], abs=1e-3)


def test_shares_never_leave_0_to_1() -> None:
    # The inverse of the rates would give the first label 1.25.
    found = shares([950, 50, 0], [[8, 2, 0], [2, 8, 0]])
    assert found.share == pytest.approx([1, 0], abs=1e-3)
    assert found.low.min() >= 0
    assert found.high.max() <= 1


def test_answers_that_no_labeled_text_got_leave_the_shares_open() -> None:
    found = shares([0, 0, 7], [[5, 0, 0], [0, 5, 0]])
    assert found.share == pytest.approx([0.5, 0.5])


def test_a_model_that_names_one_label_alone_tells_nothing() -> None:
    found = shares([1_000, 0, 0, 0], [[50, 0, 0, 0], [30, 0, 0, 0], [20, 0, 0, 0]])
    assert found.low == pytest.approx([0, 0, 0])
    assert found.high == pytest.approx([1, 1, 1])


def test_labels_that_are_answered_alike_share_what_both_have() -> None:
    # The last two are both named the second label; the first has 60 % in any case.
    found = shares([600, 400, 0, 0], [[500, 0, 0, 0], [0, 500, 0, 0], [0, 500, 0, 0]])
    assert found.share[0] == pytest.approx(0.6, abs=1e-3)
    assert found.low[0] > 0.5
    assert found.low[1:] == pytest.approx([0, 0])
    assert found.high[1:] == pytest.approx([0.4, 0.4], abs=1e-3)


def test_more_labeled_texts_make_the_interval_narrower() -> None:
    few = shares([4_500, 5_500, 0], [[80, 20, 0], [10, 90, 0]])
    many = shares([4_500, 5_500, 0], [[8_000, 2_000, 0], [1_000, 9_000, 0]])
    assert few.low[0] < 0.45 < 0.55 < few.high[0]
    assert 0.48 < many.low[0] < 0.5 < many.high[0] < 0.52
    assert shares([4_500, 5_500, 0], [[80, 20, 0], [10, 90, 0]]).low[0] == few.low[0]
