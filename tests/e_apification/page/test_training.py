"""A training that is asked for on the page, and followed until it ends."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e_apification.learning import KEY
from tests.e_apification.page.actions import give_key

pytestmark = pytest.mark.timeout(300)
OTHER = "ba9876543210"


def job(state: str, *, model_id: str | None = None, **more: Any) -> dict[str, Any]:
    known = {"job": 7, "state": state, "model_id": model_id, "reasons": [], "warnings": []}
    return known | more


def train(page: Page) -> None:
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Train a new model").click()
    page.get_by_role("dialog").get_by_role("button", name="Train", exact=True).click()


def answers(page: Page, *states: dict[str, Any]) -> None:
    """The server queues job 7, which then goes through these states."""
    left = list(states)

    def queue(route: Route) -> None:
        assert route.request.method == "POST"
        assert route.request.headers["x-api-key"] == KEY
        route.fulfill(status=202, json=job("queued"))

    page.route("**/retrain", queue)
    page.route("**/retrain/7", lambda route: route.fulfill(json=left.pop(0)))


def test_a_job_that_no_worker_takes_says_what_is_missing(page: Page) -> None:
    give_key(page)
    train(page)
    expect(page.locator("#training-status")).to_have_text("Training 1 is queued …")
    expect(page.locator("#training-problem")).to_contain_text("python -m d_training worker")
    expect(page.get_by_role("button", name="Train a new model")).to_be_disabled()
    # Another person asks too: one job is open at a time, and both follow it.
    page.reload()
    train(page)
    expect(page.locator("#training-status")).to_have_text("Training 1 is queued …")


def test_what_is_trained_and_passes_the_gate_is_in_the_list(page: Page) -> None:
    done = job("succeeded", model_id=OTHER)
    answers(page, job("queued", warnings=["no worker"]), job("running"), done)
    made: dict[str, Any] = {"created_at": "2026-11-20T10:00:00Z", "scores": {}, "verdict": None}
    listed = [{"id": OTHER, "production": True, **made}]
    give_key(page)
    train(page)
    expect(page.locator("#training-problem")).to_have_text("no worker")
    expect(page.locator("#training-status")).to_have_text("Training 7 is running …")
    expect(page.locator("#training-problem")).to_be_hidden()
    page.route("**/experiments", lambda route: route.fulfill(json={"experiments": listed}))
    expect(page.locator("#training-status")).to_have_text(
        f"Training 7 is done: model {OTHER} passed the gate."
    )
    expect(page.locator("#models-table tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Train a new model")).to_be_enabled()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            job("refused", model_id=OTHER, reasons=["macro-F1 is 0.1"]),
            f"Training 7 is done, and the gate refused model {OTHER}: macro-F1 is 0.1.",
        ),
        (job("failed", reasons=["no labels"]), "Training 7 failed: no labels."),
    ],
)
def test_a_refusal_and_a_failure_are_told_with_their_reasons(
    page: Page, end: dict[str, Any], said: str
) -> None:
    answers(page, end)
    give_key(page)
    train(page)
    expect(page.locator("#training-status")).to_have_text(said)


def test_without_a_key_or_a_yes_nothing_is_asked_for(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Train a new model").click()
    expect(page.locator("#training-problem")).to_have_text(
        "Training a model needs an API key: type it in above."
    )
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    give_key_to_the_open_box(page)
    page.get_by_role("button", name="Train a new model").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#training-status")).to_be_empty()
    assert asked  # those of the list of models, at least
    assert not [url for url in asked if "retrain" in url]


def test_a_server_that_is_away_is_told(page: Page) -> None:
    page.route("**/retrain", lambda route: route.abort())
    give_key(page)
    train(page)
    expect(page.locator("#training-problem")).to_contain_text("The server does not answer")
    expect(page.get_by_role("button", name="Train a new model")).to_be_enabled()


def give_key_to_the_open_box(page: Page) -> None:
    page.get_by_label("API key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
