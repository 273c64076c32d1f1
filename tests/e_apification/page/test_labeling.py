"""Messages typed and files dropped: labels, words, downloads, evaluations.

The model's temperature is 2, so "refund" gives billing e^1.5 / (e^1.5 + 2) = 69.1 %.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e_apification.page.actions import ROWS, bars, downloaded, label, upload

pytestmark = pytest.mark.timeout(300)
MODEL_ID = "0123456789ab"


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


def test_a_csv_is_labeled_in_pieces_and_comes_back_in_order(page: Page) -> None:
    sent: list[int] = []

    def seen(request: Request) -> None:
        if request.url.endswith("/batch_predict"):
            assert request.post_data_json is not None
            sent.append(len(request.post_data_json["texts"]))

    page.on("request", seen)
    label(page, [*ROWS, "=refund, now"])
    assert sent == [2, 1, 2]
    assert bars(page, "#label-mix")[0] == ["billing", "2 · 33.3 %"]
    name, (header, *rows) = downloaded(page)
    assert name == "mine_labeled.csv"
    assert header == [*("id", "text", "label", "confidence", "abstained", "truncated", "model_id")]
    assert [row[:5] for row in rows] == [
        ["0", "refund", "billing", "0.6914", "false"],
        ["1", "what is this", "", "0.3333", "true"],
        ["2", "parcel parcel", "delivery", "0.9094", "false"],
        ["3", "", "", "", ""],
        ["4", "hello", "other", "0.6914", "false"],
        ["5", "'=refund, now", "billing", "0.6914", "false"],
    ]
    assert {row[6] for row in rows} == {MODEL_ID, ""}


def test_labeling_can_be_cancelled_and_what_is_done_can_be_saved(page: Page) -> None:
    pieces = iter([True, False])

    def first_piece_only(route: Any) -> None:
        if next(pieces):
            route.continue_()  # the second is never answered

    page.route("**/batch_predict", first_piece_only)
    upload(page, "text\n" + "refund\n" * 5)
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-progress-said")).to_have_text("2 of 5 rows")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#file-status")).to_have_text("Stopped: 2 of 5 rows labeled.")
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
    expect(page.locator("#file-status")).to_have_text("Done: 2 of 2 rows labeled.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the CSV").click()
    first = download.value.path().read_bytes().decode().split("\r\n")
    assert first[0] == 'no;"the; message";label;confidence;abstained;truncated;model_id'
    assert first[1] == f'1;"a ""refund""\nplease";billing;0.6914;false;false;{MODEL_ID}'
    assert first[2] == f"2;parcel;delivery;0.6914;false;false;{MODEL_ID}"


def test_a_row_of_a_quoted_nothing_is_a_row_and_a_blank_line_is_none(page: Page) -> None:
    upload(page, 'text\n""\n\nparcel\n\n""')
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_have_text("Done: 3 of 3 rows labeled.")
    assert [row[:2] for row in downloaded(page)[1][1:]] == [
        ["", ""],
        ["parcel", "delivery"],
        ["", ""],
    ]


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


def test_a_dropped_file_is_taken_and_none_is_opened_in_place_of_the_page(page: Page) -> None:
    drop = """(place) => {
        const data = new DataTransfer();
        data.items.add(new File(["text\\nparcel\\n"], "dropped.csv"));
        const how = { dataTransfer: data, bubbles: true, cancelable: true };
        const event = new DragEvent("drop", how);
        document.querySelector(place).dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    assert page.evaluate(drop, "#message")
    page.get_by_role("link", name="File").click()
    expect(page.locator("#file")).to_be_visible()
    expect(page.locator("#file-said")).to_be_hidden()
    assert page.evaluate(drop, "#drop")
    expect(page.locator("#file-said")).to_have_text("dropped.csv: 1 row.")
