from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b_transformation.columns.ids import NOTHING
from b_transformation.threading.threads import Threads, find_places, resolve_threads


def resolve(replies: dict[int, int | None], *, rounds: int = 32) -> Threads:
    """Threads of messages given as {id: id that it replies to}, in any order."""
    ids = np.array(sorted(replies), np.int64)
    known = [replies[message] for message in sorted(replies)]
    parent_ids = np.array([NOTHING if p is None else p for p in known], np.int64)
    return resolve_threads(ids, parent_ids, find_places(ids, parent_ids), rounds=rounds)


@pytest.mark.parametrize(
    ("replies", "conversations", "missing_parents", "cycles"),
    [
        pytest.param({}, [], 0, 0, id="no messages"),
        pytest.param({7: None}, [7], 0, 0, id="one message"),
        pytest.param({0: None, 1: 0}, [0, 0], 0, 0, id="zero is an id"),
        pytest.param({1: None, 2: 1, 3: 2, 4: 1}, [1, 1, 1, 1], 0, 0, id="a tree"),
        pytest.param({1: 3, 2: 1, 3: None}, [3, 3, 3], 0, 0, id="ids do not follow time"),
        pytest.param({1: None, 2: 1, 3: None, 4: 3}, [1, 1, 3, 3], 0, 0, id="two threads"),
        pytest.param({5: 99}, [99], 1, 0, id="missing parent"),
        pytest.param({5: 2, 6: 5}, [2, 2], 1, 0, id="below a missing parent"),
        pytest.param({5: 99, 6: 99, 7: 98}, [99, 99, 98], 3, 0, id="siblings share a missing one"),
        pytest.param({4: 4}, [4], 0, 0, id="an answer to itself is a root"),
        pytest.param({4: 4, 9: 4}, [4, 4], 0, 0, id="below an answer to itself"),
        pytest.param({10: 20, 20: 10}, [10, 10], 0, 1, id="cycle of two"),
        pytest.param({10: 20, 20: 30, 30: 10}, [10, 10, 10], 0, 1, id="cycle of three"),
        pytest.param({3: 20, 5: 3, 10: 20, 20: 10}, [10] * 4, 0, 1, id="tail of smaller ids"),
        pytest.param(
            {1: 2, 2: 1, 3: 4, 4: 5, 5: 3, 6: None, 7: 6, 8: 77, 9: 5},
            [1, 1, 3, 3, 3, 6, 6, 77, 3], 1, 2, id="all at once",
        ),
    ],
)  # fmt: skip
def test_conversations(replies: Any, conversations: Any, missing_parents: int, cycles: int) -> None:
    threads = resolve(replies)
    assert threads.conversation_ids.tolist() == conversations
    assert (threads.missing_parents, threads.cycles) == (missing_parents, cycles)
    assert threads.cut == 0


def chain(length: int) -> dict[int, int | None]:
    """1000 starts, each next id answers the one before."""
    return {1000 + n: None if n == 0 else 999 + n for n in range(length)}


@pytest.mark.parametrize("rounds", [8, 32, 64])
def test_thread_of_200_messages_is_one_conversation(rounds: int) -> None:
    threads = resolve(chain(200), rounds=rounds)
    assert set(threads.conversation_ids.tolist()) == {1000}
    assert threads.cut == 0


@pytest.mark.parametrize(("rounds", "last", "cut"), [(7, 1071, 71), (3, 1191, 191), (1, 1197, 197)])
def test_too_few_rounds_leave_the_ancestor_reached_and_count_it(
    rounds: int, last: int, cut: int
) -> None:
    threads = resolve(chain(200), rounds=rounds)
    assert threads.conversation_ids.tolist()[-1] == last
    assert threads.cut == cut


def test_short_threads_among_many_messages_need_few_rounds() -> None:
    replies = {n: None if n % 2 else n - 1 for n in range(1, 1001)}
    threads = resolve(replies, rounds=1)
    assert threads.conversation_ids.tolist() == [n if n % 2 else n - 1 for n in range(1, 1001)]
    assert threads.cut == 0


def test_cycle_of_200_messages() -> None:
    threads = resolve({**chain(200), 1000: 1199})
    assert set(threads.conversation_ids.tolist()) == {1000}
    assert threads.cycles == 1


@pytest.mark.parametrize(
    ("rounds", "conversations", "cycles", "cut"), [(2, [1, 1, 1, 1], 1, 0), (1, [3, 4, 1, 2], 0, 4)]
)
def test_cycle_is_known_as_one_where_rounds_climb_all(
    rounds: int, conversations: list[int], cycles: int, cut: int
) -> None:
    threads = resolve({1: 2, 2: 3, 3: 4, 4: 1}, rounds=rounds)
    assert threads.conversation_ids.tolist() == conversations
    assert (threads.cycles, threads.cut) == (cycles, cut)


def test_arguments_are_left_as_they_were() -> None:
    ids = np.array([1, 2, 3], np.int64)
    parent_ids, parents = np.array([2, 1, 2], np.int64), np.array([1, 0, 1], np.int64)
    resolve_threads(ids, parent_ids, parents, rounds=8)
    assert ids.tolist() == [1, 2, 3]
    assert (parent_ids.tolist(), parents.tolist()) == ([2, 1, 2], [1, 0, 1])


@pytest.mark.parametrize(
    ("ids", "wanted", "places"),
    [
        ([], [], []),
        ([], [4, NOTHING], [NOTHING, NOTHING]),
        ([4], [], []),
        ([2, 4, 9], [9, 2, 4, 2], [2, 0, 1, 0]),
        ([2, 4, 9], [1, 3, 10, NOTHING], [NOTHING] * 4),
        ([0, 2**63 - 1], [2**63 - 1, 0], [1, 0]),
    ],
)
def test_find_places(ids: list[Any], wanted: list[Any], places: Any) -> None:
    found = find_places(np.array(ids, np.int64), np.array(wanted, np.int64))
    assert found.tolist() == places


def walk(replies: dict[int, int | None], message: int) -> tuple[int, bool]:
    """The root of one message by going from reply to reply, and whether it ends in a cycle."""
    passed = [message]
    while (parent := replies[passed[-1]]) is not None and parent != passed[-1]:
        if parent not in replies:
            return parent, False
        if parent in passed:
            return min(passed[passed.index(parent) :]), True
        passed.append(parent)
    return passed[-1], False


@given(
    st.dictionaries(
        st.integers(0, 25), st.one_of(st.none(), st.integers(0, 30)), min_size=1, max_size=26
    )
)
@settings(max_examples=300)
def test_same_roots_as_a_walk(replies: Any) -> None:
    walked = {message: walk(replies, message) for message in sorted(replies)}
    threads = resolve(replies)
    assert threads.conversation_ids.tolist() == [root for root, _ in walked.values()]
    assert threads.cycles == len({root for root, in_cycle in walked.values() if in_cycle})
    assert threads.missing_parents == sum(
        parent is not None and parent not in replies for parent in replies.values()
    )
