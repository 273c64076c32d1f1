from pathlib import Path

import pytest

from common.models.journal import (
    JOURNAL,
    Deployment,
    last_decision,
    last_move,
    read_journal,
    serving_order,
)


def entries(*events: tuple[str, str]) -> list[Deployment]:
    made, serving = [], None
    for action, to in events:
        made.append(Deployment(action=action, before=serving, to=to, by="ada"))
        serving = to if action != "refuse" else serving
    return made


def test_a_refusal_decides_about_a_model_and_moves_nothing() -> None:
    history = entries(("promote", "a"), ("refuse", "b"))
    moved, decided = last_move(history), last_decision(history, "b")
    assert moved is not None
    assert moved.to == "a"
    assert decided is not None
    assert decided.action == "refuse"
    assert last_decision(history, "c") is None
    assert last_move([]) is None


def test_a_rollback_takes_away_what_came_after_its_target() -> None:
    history = entries(("promote", "a"), ("promote", "b"), ("refuse", "x"), ("force", "c"))
    assert serving_order(history) == ["a", "b", "c"]
    assert serving_order([*history, *entries(("rollback", "b"))]) == ["a", "b"]
    assert serving_order([*history, *entries(("rollback", "a"), ("promote", "c"))]) == ["a", "c"]


def test_a_model_that_is_promoted_while_it_serves_counts_once() -> None:
    history = entries(("promote", "a"), ("promote", "b"), ("force", "b"), ("rollback", "a"))
    assert serving_order(history[:3]) == ["a", "b"]
    assert serving_order(history) == ["a"]


def test_a_line_that_cannot_be_read_is_left_out_and_named_by_its_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = [entry.model_dump_json(by_alias=True) for entry in entries(("promote", "a"))]
    (tmp_path / JOURNAL).write_text("\n".join([*whole, "{half", *whole, ""]), encoding="utf-8")
    assert [(entry.to, entry.forced) for entry in read_journal(tmp_path)] == [("a", False)] * 2
    assert caplog.messages == [f"{tmp_path / JOURNAL}: line 2 cannot be read, left out"]


def test_a_model_that_serves_twice_is_found_where_it_served_last() -> None:
    history = entries(("promote", "a"), ("promote", "b"), ("force", "a"), ("promote", "c"))
    assert serving_order([*history, *entries(("rollback", "a"))]) == ["a", "b", "a"]
