"""Messages typed and files dropped: labels, words, downloads, evaluations.

The model's temperature is 2, so "refund" gives billing e^1.5 / (e^1.5 + 2) = 69.1 %.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.common.tables.test_cases import CASES
from tests.e_apification.page.actions import ROWS, bars, downloaded, label, saved, upload

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
        ("text\n", "mine.csv: The file needs a header line and at least one row."),
        ("text,label\nc\n", "No record of it is a row; record 1: wrong number of columns."),
        ("", "the file is empty; it needs a header line and records"),
        (b"PAR1", "the file is a Parquet file; send it as CSV, JSONL or .xlsx"),
    ],
)
def test_what_holds_no_row_is_refused_with_the_reason(
    page: Page, content: str | bytes, said: str
) -> None:
    upload(page, content)
    expect(page.locator("#file-problem")).to_contain_text(said)
    expect(page.locator("#file-columns")).to_be_hidden()


def test_how_a_file_is_read_is_said_and_rejected_records_are_listed(page: Page) -> None:
    upload(page, 'id;text\n1;Grüße\n2\n3;=refund\n4;"open\n5;parcel\n'.encode("cp1252"))
    expect(page.locator("#file-said")).to_have_text(
        'mine.csv: 3 rows, CSV in cp1252, fields by ";", 2 rejected.'
    )
    page.locator("#rejected summary").click()
    rows = page.locator("#rejected-table tbody tr")
    expect(rows).to_have_text(["2wrong number of columns2", '4broken quote4;"open'])
    assert saved(page, "Download the rejected records").decode() == (
        'source_row,reason,record\r\n2,wrong number of columns,2\r\n4,broken quote,"4;""open"\r\n'
    )
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_have_text("Done: 3 of 3 rows labeled.")
    assert [line.split(";")[:3] for line in saved(page).decode().splitlines()] == [
        ["id", "text", "label"],
        ["1", "Grüße", ""],
        ["3", "'=refund", "billing"],
        ["5", "parcel", "delivery"],
    ]
    upload(page, "text\nparcel\n")
    expect(page.locator("#rejected")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "form", "truncated"),
    [("formats.xlsx", "xlsx", "false"), ("formats.jsonl", "JSONL", "true")],
)
def test_a_table_of_another_program_is_labeled(
    page: Page, name: str, form: str, truncated: str
) -> None:
    upload(page, (CASES / name).read_bytes(), name=name)
    expect(page.locator("#file-said")).to_contain_text(f", {form}.")
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#labeled")).to_be_visible()
    header, first, *_ = downloaded(page)[1]
    assert header[-5:] == ["label", "confidence", "abstained", "truncated", "model_id"]
    assert first[-5:] == ["delivery", "0.6914", "false", truncated, MODEL_ID]


def test_several_columns_are_one_text_and_numbers_and_handles_stay(page: Page) -> None:
    upload(page, "subject,body,amount,who\nhello,refund refund,-12.50,@115712\n,,+44 20 7946,-\n")
    page.get_by_label("Columns of the messages").select_option(label=["subject", "body"])
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_have_text("Done: 2 of 2 rows labeled.")
    _, first, second = downloaded(page)[1]
    assert first[:5] == ["hello", "refund refund", "-12.50", "@115712", "billing"]
    assert second == ["", "", "+44 20 7946", "-", "", "", "", "", ""]


def test_a_link_alone_is_no_text_and_gets_empty_cells(page: Page) -> None:
    label(page, ["https://example.org/only", "refund"])
    assert [row[2:] for row in downloaded(page)[1][1:]] == [
        ["", "", "", "", ""],
        ["billing", "0.6914", "false", "false", MODEL_ID],
    ]


def test_labeling_its_own_download_changes_nothing(page: Page) -> None:
    upload(page, "\ufeffid;text;label\r\n=1;=refund;mine\r\n2;'=refund;a\r\n")
    page.get_by_role("button", name="Label all rows").click()
    first = saved(page)
    assert first.decode().splitlines() == [
        "\ufeffid;text;label;predicted_label;confidence;abstained;truncated;model_id",
        f"'=1;'=refund;mine;billing;0.6914;false;false;{MODEL_ID}",
        f"2;'=refund;a;billing;0.6914;false;false;{MODEL_ID}",
    ]
    upload(page, first)
    page.get_by_role("button", name="Label all rows").click()
    assert saved(page) == first


def test_a_name_that_is_taken_is_said_before_the_work(page: Page) -> None:
    upload(page, "text,label,predicted_label\nrefund,a,b\n")
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-problem")).to_have_text(
        "The file has a column “predicted_label” already; rename it."
    )


def test_other_delimiters_quotes_and_lines_in_fields_are_read(page: Page) -> None:
    upload(page, '\ufeffno;"the; message"\r\n1;"a ""refund""\nplease"\r\n\r\n2;parcel')
    page.get_by_label("Columns of the messages").select_option(label="the; message")
    page.get_by_role("button", name="Label all rows").click()
    expect(page.locator("#file-status")).to_have_text("Done: 2 of 2 rows labeled.")
    first = saved(page).decode().split("\r\n")
    assert first[0] == '\ufeffno;"the; message";label;confidence;abstained;truncated;model_id'
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
    expect(page.locator("#file-said")).to_have_text("dropped.csv: 1 row, CSV in UTF-8, one column.")
