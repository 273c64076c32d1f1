from common.models.journal import Deployment, last_decision, last_move, serving_order


def entries(*events: tuple[str, str]) -> list[Deployment]:
    made, serving = [], None
    for action, to in events:
        made.append(Deployment(action=action, before=serving, to=to, by="ada"))
        serving = to if action != "refuse" else serving
    return made


def test_a_refusal_decides_about_a_model_and_moves_nothing():
    history = entries(("promote", "a"), ("refuse", "b"))
    moved, decided = last_move(history), last_decision(history, "b")
    assert moved is not None
    assert moved.to == "a"
    assert decided is not None
    assert decided.action == "refuse"
    assert last_decision(history, "c") is None
    assert last_move([]) is None


def test_a_rollback_takes_away_what_came_after_its_target():
    history = entries(("promote", "a"), ("promote", "b"), ("refuse", "x"), ("force", "c"))
    assert serving_order(history) == ["a", "b", "c"]
    assert serving_order([*history, *entries(("rollback", "b"))]) == ["a", "b"]
    assert serving_order([*history, *entries(("rollback", "a"), ("promote", "c"))]) == ["a", "c"]


def test_a_model_that_serves_twice_is_found_where_it_served_last():
    history = entries(("promote", "a"), ("promote", "b"), ("force", "a"), ("promote", "c"))
    assert serving_order([*history, *entries(("rollback", "a"))]) == ["a", "b", "a"]
