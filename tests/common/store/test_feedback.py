"""Rows are added whole, once a key, and read in their order."""

import threading

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from common.store import Labeled
from common.store.engine import StoreAwayError
from common.store.feedback import KeyReusedError, add_batch, find_batch, read_feedback

ONE, OTHER = "1" * 64, "2" * 64
ROWS = [Labeled("my parcel 📦", "delivery"), Labeled("refund me", "billing")]


def test_rows_come_back_in_the_order_in_which_they_came(store: Engine) -> None:
    first = add_batch(store, ROWS, by="ada", key=None, body_sha256=ONE)
    second = add_batch(store, ROWS[:1], by="ada", key=None, body_sha256=ONE)
    assert (first.rows, second.rows, second.id) == (2, 1, first.id + 1)
    assert read_feedback(store) == [*ROWS, ROWS[0]]


def test_a_key_adds_once_and_answers_alike(store: Engine) -> None:
    first = add_batch(store, ROWS, by="ada", key="k", body_sha256=ONE)
    assert add_batch(store, ROWS, by="ada", key="k", body_sha256=ONE) == first
    assert find_batch(store, by="ada", key="k", body_sha256=ONE) == first
    assert read_feedback(store) == ROWS


def test_a_key_with_another_body_is_refused(store: Engine) -> None:
    add_batch(store, ROWS, by="ada", key="k", body_sha256=ONE)
    with pytest.raises(KeyReusedError):
        add_batch(store, ROWS, by="ada", key="k", body_sha256=OTHER)
    with pytest.raises(KeyReusedError):
        find_batch(store, by="ada", key="k", body_sha256=OTHER)
    assert read_feedback(store) == ROWS


def test_keys_of_two_callers_are_two_keys(store: Engine) -> None:
    add_batch(store, ROWS, by="ada", key="k", body_sha256=ONE)
    assert find_batch(store, by="bob", key="k", body_sha256=ONE) is None
    add_batch(store, ROWS[:1], by="bob", key="k", body_sha256=OTHER)
    assert len(read_feedback(store)) == 3


def test_one_key_at_the_same_moment_adds_once(store: Engine) -> None:
    found = []

    def add() -> None:
        found.append(add_batch(store, ROWS, by="ada", key="k", body_sha256=ONE))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert read_feedback(store) == ROWS


def test_a_batch_that_fails_half_way_leaves_nothing(store: Engine) -> None:
    broken = [*ROWS, Labeled("no label", None)]  # type: ignore[arg-type]
    with pytest.raises((StoreAwayError, IntegrityError)):
        add_batch(store, broken, by="ada", key=None, body_sha256=ONE)
    assert read_feedback(store) == []
