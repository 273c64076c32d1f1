"""The page as people use it: Chromium, a real server, a model whose answers are worked out by hand.

The model's temperature is 2, so "refund" gives billing e^1.5 / (e^1.5 + 2) = 69.1 %.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from common.schema import Settings
from common.store.engine import open_store
from common.store.feedback import read_feedback
from tests.e_apification.browser import chromium, serving
from tests.e_apification.learning import KEY

pytestmark = pytest.mark.timeout(300)
VERSION = "0123456789ab"
PHONE = {"width": 360, "height": 740}
PARTS = ("message", "file", "review", "models")
# Confidences: 69.1, 33.3, 81.8 (two of three words speak), none, 69.1.
ROWS = ["refund", "what is this", "parcel parcel", "", "hello"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def run_dir(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(models_dir, folder / "models")
    return folder


@pytest.fixture(scope="module")
def url(browser: Browser, run_dir: Path) -> Iterator[str]:
    with serving(run_dir, "serving.max_texts=2", "serving.max_explain_words=12") as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page in a fresh profile; whatever it complains of in the console fails the test."""
    context = browser.new_context(locale="en-GB", accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    opened.goto(url)
    expect(opened.locator("#model")).to_have_text(f"Model {VERSION}, 3 labels.", timeout=30_000)
    yield opened
    context.close()
    assert complaints == []


def upload(page: Page, text: str, *, name: str = "mine.csv") -> None:
    page.get_by_role("link", name="File").click()
    file: Any = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(file)


def label(page: Page, rows: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["id", "text"], *([str(i), row] for i, row in enumerate(rows))])
    upload(page, out.getvalue())
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_contain_text(f"of {len(rows)} row")


def downloaded(page: Page) -> tuple[str, list[list[str]]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        return download.value.suggested_filename, list(csv.reader(file))


def give_key(page: Page, key: str = KEY) -> None:
    page.locator("#key-box summary").click()
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()
    expect(page.locator("#key-said")).to_have_text("This key is used from now on.")
    page.keyboard.press("Escape")


def bars(page: Page, place: str) -> list[list[str]]:
    return [bar.locator("span").all_inner_texts() for bar in page.locator(f"{place} .bar").all()]


def test_a_typed_message_gets_bars_and_the_words_that_made_its_label(page: Page) -> None:
    page.get_by_label("Message", exact=True).fill("<b>refund 🎁 refund")
    page.keyboard.press("Control+Enter")
    # e^3 / (e^3 + 2); the model reads six tokens: <, b, >, refund, 🎁, refund.
    expect(page.locator("#verdict")).to_have_text("billing · 90.9 %")
    assert bars(page, "#scores")[0] == ["billing", "90.9 %"]
    assert [name for name, _ in bars(page, "#scores")] == ["billing", "delivery", "other"]
    marks = page.locator("#words mark")
    expect(marks).to_have_text(["<b>refund", "refund"])
    expect(page.locator(".marked")).to_have_text("<b>refund 🎁 refund")
    expect(page.locator(".weights li").first).to_have_text("<b>refund +21.8 points for it")


def test_an_unsure_answer_and_a_refused_message_are_said_in_words(page: Page) -> None:
    page.get_by_label("Message", exact=True).fill("what is this")
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#verdict")).to_have_text("Not sure · 33.3 %")
    expect(page.locator("#words")).to_contain_text("No single word made it")
    page.get_by_label("Message", exact=True).fill("x" * 10_001)
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#message-problem")).to_contain_text("text: longer than 10000 characters")
    expect(page.locator("#message-answer")).to_be_hidden()


def test_a_csv_is_labelled_in_pieces_and_comes_back_in_order(page: Page) -> None:
    sent: list[int] = []

    def seen(request: Request) -> None:
        if request.url.endswith("/batch_predict"):
            sent.append(len(request.post_data_json["texts"]))

    page.on("request", seen)
    label(page, [*ROWS, "=refund, now"])
    assert sent == [2, 1, 2]
    assert bars(page, "#label-mix")[0] == ["billing", "2 · 33.3 %"]
    name, (header, *rows) = downloaded(page)
    assert name == "mine_labelled.csv"
    assert header == [
        *("id", "text", "label", "confidence", "abstained", "truncated", "model_version")
    ]
    assert [row[:5] for row in rows] == [
        ["0", "refund", "billing", "0.6914", "false"],
        ["1", "what is this", "", "0.3333", "true"],
        ["2", "parcel parcel", "delivery", "0.9094", "false"],
        ["3", "", "", "", ""],
        ["4", "hello", "other", "0.6914", "false"],
        ["5", "'=refund, now", "billing", "0.6914", "false"],
    ]
    assert {row[6] for row in rows} == {VERSION, ""}


def test_labelling_can_be_cancelled_and_what_is_done_can_be_saved(page: Page) -> None:
    pieces = iter([True, False])

    def first_piece_only(route: Any) -> None:
        if next(pieces):
            route.continue_()  # the second is never answered

    page.route("**/batch_predict", first_piece_only)
    upload(page, "text\n" + "refund\n" * 5)
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-progress-said")).to_have_text("2 of 5 rows")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#file-status")).to_have_text("Stopped: 2 of 5 rows labelled.")
    assert len(downloaded(page)[1]) == 3


def test_a_busy_server_is_asked_again(page: Page) -> None:
    busy = iter([True, False])

    def once_busy(route: Any) -> None:
        if next(busy):
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    page.route("**/batch_predict", once_busy)
    label(page, ["refund"])
    assert downloaded(page)[1][1][2] == "billing"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\n", "needs a header line and at least one row"),
        ("text,label\na,b\nc\n", "Row 2 has 1 fields, the header 2"),
        ('text\n"open\n', "A quote that opens in row 1 is never closed."),
        ('text\n"a"b\n', "Something follows a closing quote in row 1."),
    ],
)
def test_what_is_no_csv_is_refused_with_the_row(page: Page, content: str, said: str) -> None:
    upload(page, content)
    expect(page.locator("#file-problem")).to_contain_text(said)
    expect(page.locator("#file-columns")).to_be_hidden()


def test_other_delimiters_quotes_and_lines_in_fields_are_read(page: Page) -> None:
    upload(page, '\ufeffno;"the; message"\r\n1;"a ""refund""\nplease"\r\n\r\n2;parcel')
    page.get_by_label("Column of the messages").select_option(label="the; message")
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_have_text("Done: 2 of 2 rows labelled.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the CSV").click()
    first = download.value.path().read_bytes().decode().split("\r\n")
    assert first[0] == 'no;"the; message";label;confidence;abstained;truncated;model_version'
    assert first[1] == f'1;"a ""refund""\nplease";billing;0.6914;false;false;{VERSION}'
    assert first[2] == f"2;parcel;delivery;0.6914;false;false;{VERSION}"


def test_a_file_is_evaluated(page: Page) -> None:
    upload(page, "message,category\nrefund,billing\nparcel,billing\nhello,other\n,other\n")
    page.get_by_role("button", name="Evaluate the model").click()
    figures = page.locator("#evaluated")
    expect(figures).to_contain_text("66.7 %")
    expect(figures).to_contain_text("3 scored; left out: 1 with no text")
    table = figures.get_by_role("table", name="The file's label down, the model's across")
    assert [row.inner_text().split() for row in table.locator("tbody tr").all()] == [
        ["billing", "1", "1", "0"],
        ["delivery", "0", "0", "0"],
        ["other", "0", "0", "1"],
    ]
    upload(page, "text,label\nrefund,nonsense\n")
    page.get_by_role("button", name="Evaluate the model").click()
    expect(page.locator("#file-problem")).to_contain_text("row 1: label is none of the model's")


def test_the_least_certain_are_labelled_by_keys_and_kept_once(page: Page, run_dir: Path) -> None:
    label(page, [*ROWS, "What is THIS?"])
    page.get_by_role("link", name="Review the least certain").click()
    place, text = page.locator("#review-place"), page.locator("#review-text")
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
    engine = open_store(Settings(run_dir=run_dir))
    kept = [(row.text, row.label) for row in read_feedback(engine)]
    engine.dispose()
    assert sorted(kept) == [("hello", "billing"), ("what is this", "other")]


def test_keys_can_be_switched_off_and_rows_that_are_refused_do_not_stop_others(page: Page) -> None:
    label(page, ["https://example.org/only", "parcel"])
    give_key(page)
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("One-key labelling").uncheck()
    page.keyboard.press("1")
    expect(page.locator("#review-place")).to_have_text("1 of 2, the least certain first")
    page.get_by_label("One-key labelling").check()
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("#review-text")).to_have_text("That was the last one.")
    page.get_by_role("button", name="Send 2 labels").click()
    expect(page.locator("#review-status")).to_have_text("1 label kept for the next training.")
    expect(page.locator("#review-problem")).to_contain_text(
        "“https://example.org/only” holds no text that a model would read"
    )


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
        "against": VERSION,
        "judged_at": "2026-11-20T10:00:00Z",
        "reasons": ["macro-F1"],
    }
    made = {"created_at": "2026-11-20T10:00:00Z", "scores": {"macro_f1_held_out": 0.5}}
    listed = [
        {"id": other, "production": False, "verdict": verdict, **made},
        {"id": VERSION, "production": True, "verdict": None, **made},
    ]
    page.route("**/experiments", lambda route: route.fulfill(json={"experiments": listed}))
    asked: list[str] = []

    def gate(route: Any) -> None:
        asked.append(route.request.url.partition("/deploy/")[2])
        assert route.request.headers["x-api-key"] == KEY
        if "force" in route.request.url:
            route.fulfill(json={"model_version": other, "replaced": VERSION})
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
    expect(page.get_by_role("button", name=f"Deploy: {VERSION}")).to_be_disabled()
    page.get_by_role("button", name=f"Figures: {VERSION}").click()
    expect(page.locator("#figures")).to_contain_text("macro_f1_held_out")
    page.get_by_role("button", name=f"Deploy: {other}").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "the gate refused this model; gate: macro-F1"
    )
    page.get_by_role("dialog").get_by_role("button", name="Overrule").click()
    expect(page.locator("#models-status")).to_have_text(
        f"Model {other} serves now, in the place of {VERSION}."
    )
    assert asked == [other, f"{other}?force=true"]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_until_the_button_says_otherwise(
    browser: Browser, url: str, scheme: Any
) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    background = "getComputedStyle(document.body).backgroundColor"
    shades = {"light": "rgb(244, 246, 248)", "dark": "rgb(16, 22, 28)"}
    other = "dark" if scheme == "light" else "light"
    assert page.evaluate(background) == shades[scheme]
    page.get_by_role("button", name=f"{other.capitalize()} colours").click()
    assert page.evaluate(background) == shades[other]
    page.reload()
    assert page.evaluate(background) == shades[other]
    context.close()


def test_a_phone_scrolls_down_only(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.get_by_label("Message", exact=True).fill("refund " + "x" * 200)
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#words mark")).to_have_count(1)
    label(page, [*ROWS, "y" * 200])
    upload(page, "text,label\nrefund,billing\n")
    page.get_by_role("button", name="Evaluate the model").click()
    expect(page.locator("#evaluated")).to_be_visible()
    for part in PARTS:
        page.goto(page.url.partition("#")[0] + f"#{part}")
        expect(page.locator(f"#{part}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], part


# What a checker of accessibility looks for first: a name for each control, one main, one visible h1,
# no id twice, no positive tabindex, references that lead somewhere.
AUDIT = """() => {
  const seen = (el) => el.checkVisibility();
  const name = (el) => (el.labels?.length ? [...el.labels].map((l) => l.innerText).join(" ") : "")
    || el.getAttribute("aria-label") || el.innerText || el.title;
  const all = (query) => [...document.querySelectorAll(query)];
  const ids = all("[id]").map((el) => el.id);
  const refs = all("[aria-labelledby],[aria-describedby]").flatMap((el) =>
    [el.getAttribute("aria-labelledby"), el.getAttribute("aria-describedby")].filter(Boolean));
  return {
    unnamed: all("input,select,textarea,button,a,progress:not([aria-hidden]),nav,[role=region]")
      .filter((el) => seen(el) && !name(el)?.trim()).map((el) => el.outerHTML),
    mains: all("main").length,
    headings: all("h1").filter(seen).length,
    twice: ids.filter((id, index) => ids.indexOf(id) !== index),
    lost: refs.filter((id) => !document.getElementById(id)),
    tabindex: all("[tabindex]").filter((el) => el.tabIndex > 0).length,
    headless: all("table").filter((el) => seen(el) && !(el.caption && el.querySelector("th[scope]"))).length,
    language: document.documentElement.lang,
  };
}"""
# Contrast of each visible piece of text with what lies behind it, by WCAG's formula.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, [r, g, b, a]) =>
      under.map((v, i) => v + ([r, g, b][i] - v) * (a / 255)), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  for (let node; (node = walker.nextNode()); ) {
    const el = node.parentElement;
    if (!node.data.trim() || !el.checkVisibility() || el.closest(":disabled, noscript, option")) continue;
    const [a, b] = [light(rgba(getComputedStyle(el).color)), light(behind(el))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${node.data.trim()}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_part_can_be_used_by_keyboard_and_screen_reader(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.get_by_label("Message", exact=True).fill("refund a parcel parcel")
    page.get_by_role("button", name="Label it").click()
    expect(page.locator("#words mark").first).to_be_visible()
    upload(page, "text,label\nrefund,billing\nhello,other\n")
    page.get_by_role("button", name="Evaluate the model").click()
    expect(page.locator("#evaluated")).to_be_visible()
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#labelled")).to_be_visible()
    for part in PARTS:
        page.locator(f"nav a[href='#{part}']").click()
        expect(page.locator(f"nav a[aria-current=page][href='#{part}']")).to_have_count(1)
        expect(page.locator(f"#{part}-title")).to_be_focused()
        assert page.evaluate(AUDIT) == {
            "unnamed": [], "mains": 1, "headings": 1, "twice": [], "lost": [], "tabindex": 0,
            "headless": 0, "language": "en",
        }, part  # fmt: skip
        assert page.evaluate(CONTRAST) == [], part


def test_focus_is_seen_and_the_content_is_one_key_away(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    outline = page.get_by_label("Message", exact=True).evaluate("el => getComputedStyle(el).outline")
    assert "solid 3px" in outline
    assert json.loads(page.evaluate("JSON.stringify([...document.scripts].map(s => s.text))")) == [
        "",
        "",
    ]
