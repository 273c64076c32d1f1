"""What changes state: labels that people give, and which model serves."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from common.config.schema import Settings
from common.store.engine import open_store
from common.store.feedback import read_feedback
from tests.e_apification.learning import KEY
from tests.e_apification.page.actions import ROWS, give_key, label, open_review

pytestmark = pytest.mark.timeout(300)
MODEL_ID = "0123456789ab"


def kept_labels(run_dir: Path) -> list[tuple[str, str]]:
    engine = open_store(Settings(run_dir=run_dir))
    kept = [(row.text, row.label) for row in read_feedback(engine)]
    engine.dispose()
    return kept


def test_the_least_certain_are_labeled_by_keys_and_kept_once(page: Page, run_dir: Path) -> None:
    before = Counter(kept_labels(run_dir))  # other tests' labels
    label(page, [*ROWS, "What is THIS?"])
    page.get_by_role("link", name="Review the least certain").click()
    place, text = page.locator("#review-place"), page.locator("#review-text")
    expect(text).to_be_visible()  # before that the page takes no keys
    expect(text).to_have_text("what is this")
    expect(place).to_have_text("1 of 4, the least certain first")  # one was empty, one the same
    page.keyboard.press("2")
    expect(text).to_have_text("refund")
    page.keyboard.press("u")
    expect(text).to_have_text("what is this")
    page.keyboard.press("3")
    page.keyboard.press("s")
    expect(text).to_have_text("hello")
    page.keyboard.press("1")
    page.keyboard.press("9")  # there is no ninth label
    expect(place).to_have_text("4 of 4, the least certain first")
    send = page.get_by_role("button", name="Send 2 labels")
    send.click()
    expect(page.locator("#review-problem")).to_contain_text("needs an API key")
    page.get_by_label("API key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    keys: list[str] = []

    def lose_the_first_answer(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # the server has it; the answer gets lost
            route.abort()
        else:
            route.continue_()

    page.route("**/add_data", lose_the_first_answer)
    send.click()
    expect(page.locator("#review-problem")).to_contain_text("The server does not answer")
    send.click()
    expect(page.locator("#review-status")).to_have_text("2 labels kept for the next training.")
    assert len(keys) == 2 and keys[0] == keys[1]
    kept = Counter(kept_labels(run_dir)) - before
    assert kept == Counter([("hello", "billing"), ("what is this", "other")])


def test_keys_can_be_switched_off_and_rows_that_are_refused_do_not_stop_others(page: Page) -> None:
    label(page, ["https://example.org/only", "parcel"])
    give_key(page)
    open_review(page)
    page.get_by_label("One-key labeling").uncheck()
    page.keyboard.press("1")
    expect(page.locator("#review-place")).to_have_text("1 of 2, the least certain first")
    page.get_by_label("One-key labeling").check()
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("#review-text")).to_have_text("That was the last one.")
    page.get_by_role("button", name="Send 2 labels").click()
    expect(page.locator("#review-status")).to_have_text("1 label kept for the next training.")
    expect(page.locator("#review-problem")).to_contain_text(
        "“https://example.org/only” holds no text that a model would read"
    )


def test_of_more_than_nine_labels_the_best_guesses_have_the_keys(page: Page) -> None:
    names = [f"label {n}" for n in range(12)]
    scores = {name: (12 - n if n % 2 else n) / 72 for n, name in enumerate(names)}
    answer = {
        "label": None, "confidence": 0.15, "scores": scores, "abstained": True,
        "truncated": False, "model_id": MODEL_ID,
    }  # fmt: skip

    def twelve_labels(route: Any) -> None:
        given = route.fetch().json()
        given["model"]["labels"] = [{"name": name, "description": ""} for name in names]
        route.fulfill(json=given)

    page.route("**/metadata", twelve_labels)
    page.route("**/batch_predict", lambda route: route.fulfill(json={"predictions": [answer]}))
    page.reload()
    expect(page.locator("#model")).to_have_text(f"Model {MODEL_ID}, 12 labels.")
    label(page, ["refund"])
    open_review(page)
    choices = page.locator("#review-labels button").all_inner_texts()
    assert choices[0] == "1 label 1" and choices[-1] == "label 0" and len(choices) == 12
    page.keyboard.press("1")
    expect(page.locator("#review-status")).to_have_text("Labeled: label 1.")


def test_labels_that_were_not_sent_are_not_left_behind_unasked(page: Page) -> None:
    label(page, ["refund"])
    open_review(page)
    page.keyboard.press("1")
    expect(page.get_by_role("button", name="Send 1 label")).to_be_enabled()
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    expect(page.get_by_role("button", name="Send 1 label")).to_be_enabled()


def test_a_server_that_wants_a_key_everywhere_gets_it(page: Page) -> None:
    def with_key_only(route: Any) -> None:
        error = {"code": "wrong_key", "message": "no", "status": 401, "path": "/", "details": []}
        if "x-api-key" in route.request.headers:
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": error})

    page.route("**/metadata", with_key_only)
    page.reload()
    expect(page.locator("#server-problem")).to_contain_text("asks for an API key")
    give_key(page)
    expect(page.locator("#server-problem")).to_be_hidden()


def test_the_key_stays_in_this_tab_and_can_be_forgotten(page: Page) -> None:
    give_key(page, "not-the-key")
    assert page.evaluate("sessionStorage.getItem('api-key')") == "not-the-key"
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator("#models-problem")).not_to_be_empty()
    if page.locator("#key-box").get_attribute("open") is None:
        page.locator("#key-box summary").click()
    page.get_by_role("button", name="Forget it").click()
    assert page.evaluate("sessionStorage.length") == 0


def test_models_are_listed_with_figures_and_deployed_past_the_gate(page: Page) -> None:
    other = "ba9876543210"
    verdict = {
        "promote": False,
        "against": MODEL_ID,
        "judged_at": "2026-11-20T10:00:00Z",
        "reasons": ["macro-F1"],
    }
    made: dict[str, Any] = {
        "created_at": "2026-11-20T10:00:00Z",
        "scores": {"macro_f1_held_out": 0.5},
    }
    listed = [
        {"model_id": other, "production": False, "verdict": verdict, **made},
        {"model_id": MODEL_ID, "production": True, "verdict": None, **made},
    ]
    page.route("**/experiments", lambda route: route.fulfill(json={"experiments": listed}))
    asked: list[str] = []

    def gate(route: Any) -> None:
        asked.append(route.request.url.partition("/deploy/")[2])
        assert route.request.headers["x-api-key"] == KEY
        if "force" in route.request.url:
            route.fulfill(json={"model_id": other, "replaced": MODEL_ID})
            return
        error = {
            "code": "refused_by_gate", "message": "the gate refused this model", "status": 409,
            "path": "/deploy", "details": [{"field": "gate", "problem": "macro-F1"}],
        }  # fmt: skip
        route.fulfill(status=409, json={"error": error})

    page.route("**/deploy/**", gate)
    give_key(page)
    page.get_by_role("link", name="Models").click()
    rows = page.locator("#models-table tbody tr")
    expect(rows.nth(0)).to_contain_text("refused: macro-F1")
    expect(rows.nth(1)).to_contain_text("serves")
    expect(page.get_by_role("button", name=f"Deploy: {MODEL_ID}")).to_be_disabled()
    page.get_by_role("button", name=f"Figures: {MODEL_ID}").click()
    expect(page.locator("#figures")).to_contain_text("macro_f1_held_out")
    page.get_by_role("button", name=f"Deploy: {other}").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "the gate refused this model; gate: macro-F1"
    )
    page.get_by_role("dialog").get_by_role("button", name="Overrule").click()
    expect(page.locator("#models-status")).to_have_text(
        f"Model {other} serves now, in the place of {MODEL_ID}."
    )
    assert asked == [other, f"{other}?force=true"]


def test_a_model_that_is_to_serve_and_does_not_yet_is_told_apart(page: Page) -> None:
    made: dict[str, Any] = {"created_at": "2026-11-20T10:00:00Z", "scores": {}, "verdict": None}
    listed = [
        {"model_id": "ba9876543210", "production": True, "serves": False, **made},
        {"model_id": MODEL_ID, "production": False, "serves": True, **made},
    ]
    page.route("**/experiments", lambda route: route.fulfill(json={"experiments": listed}))
    page.get_by_role("link", name="Models").click()
    states = page.locator("#models-table tbody b")
    expect(states).to_have_text(["is to serve", "still answers"])


def test_a_server_without_the_route_is_said_to_be_unable(page: Page) -> None:
    missing = {
        "code": "not_found",
        "message": "no such page",
        "status": 404,
        "path": "/",
        "details": [],
    }
    page.route("**/rollback", lambda route: route.fulfill(status=404, json={"error": missing}))
    give_key(page)
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Roll back").click()
    page.keyboard.press("Escape")  # cancels
    expect(page.locator("#models-problem")).to_be_hidden()
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator("#models-problem")).to_contain_text("This server cannot do that")
