"""Photograph the page of a running server, with invented messages: docs/page_*.png.

make screens      after make run_api; needs Chromium on PATH (apt-get install chromium)
"""

import argparse
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

Scheme = Literal["light", "dark"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DOCS = Path(__file__).resolve().parent.parent / "docs"
DESKTOP, PHONE = (960, 700), (390, 780)
MESSAGE = "I was charged twice for the same order and nobody answers the phone about my refund"
MESSAGES = [
    "where is my parcel? tracking has not moved since monday",
    "you took the money two times for one kettle",
    "the screen of my new tablet stays black",
    "can I change the name on my booking?",
    "the box came, but the blender in it is broken, and I want my money back",
    "thanks, you were great today!",
    "been on hold for an hour, is anybody there",
    "my invoice shows a fee that nobody told me about",
    "the courier left it at a house that is not mine",
    "good morning",
]


def message(page: Page) -> None:
    """A message with its labels and words."""
    page.get_by_label("Message", exact=True).fill(MESSAGE)
    page.get_by_role("button", name="Label it").click()
    page.locator(".weights").wait_for()


def file(page: Page) -> None:
    """A file whose rows are labeled."""
    page.get_by_role("link", name="File").click()
    text = "text\n" + "".join(f'"{text}"\n' for text in MESSAGES)
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "monday.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Label all rows").click()
    page.locator("#labeled").wait_for()


def review(page: Page) -> None:
    """The least certain of its messages, two of them labeled."""
    file(page)
    page.get_by_role("link", name="Review the least certain").click()
    page.keyboard.press("1")
    page.keyboard.press("2")


def take(url: str, folder: Path) -> None:
    """Take all pictures."""
    with _chromium() as browser:
        pictures: list[tuple[str, Callable[[Page], None], tuple[int, int], Scheme]] = [
            ("message", message, DESKTOP, "light"),
            ("review", review, DESKTOP, "dark"),
            ("phone", file, PHONE, "light"),
        ]
        for name, scene, size, scheme in pictures:
            width, height = size
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(url)
            page.locator("#model:not(:empty)").wait_for()
            scene(page)
            page.mouse.move(0, 0)
            page.screenshot(path=folder / f"page_{name}.png", full_page=True)
            context.close()


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("no chromium on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Photograph the page of a running server.")
    parser.add_argument("--url", default="http://127.0.0.1:8000/")
    parser.add_argument("--folder", type=Path, default=DOCS)
    args = parser.parse_args()
    take(args.url, args.folder)
