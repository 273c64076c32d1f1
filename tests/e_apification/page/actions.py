"""What people do on the page, in steps that several tests share."""

import csv
import io
from typing import Any

from playwright.sync_api import Page, expect

from tests.e_apification.learning import KEY

# Confidences: 69.1, 33.3, 90.9 (two words speak), none, 69.1.
ROWS = ["refund", "what is this", "parcel parcel", "", "hello"]


def upload(page: Page, content: str | bytes, *, name: str = "mine.csv") -> None:
    """Choose a file, and wait until it is read or refused."""
    page.get_by_role("link", name="File").click()
    data = content.encode() if isinstance(content, str) else content
    file: Any = {"name": name, "mimeType": "text/csv", "buffer": data}
    with page.expect_response("**/read"):
        page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.locator("#file-status")).to_be_empty()


def saved(page: Page, button: str = "Download the CSV") -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_bytes()


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


def open_review(page: Page) -> None:
    page.get_by_role("link", name="Review", exact=True).click()
    expect(page.locator("#review-text")).to_be_visible()


def give_key(page: Page, key: str = KEY) -> None:
    page.locator("#key-box summary").click()
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()
    expect(page.locator("#key-said")).to_have_text("This key is used from now on.")
    page.keyboard.press("Escape")


def bars(page: Page, place: str) -> list[list[str]]:
    return [bar.locator("span").all_inner_texts() for bar in page.locator(f"{place} .bar").all()]
