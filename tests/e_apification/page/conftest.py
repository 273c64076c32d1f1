"""The page in Chromium, over a real server with the tests' model.

Fixtures are of a module: while Playwright runs, its thread can start no other event loop.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e_apification.learning import ENTRY
from tests.e_apification.servers import server

MODEL_ID = "0123456789ab"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
expect.set_options(timeout=20_000)  # other tests keep the cores busy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; tests skip where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    # Its own sandbox needs rights that containers do not give; the pages are ours.
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=options)
        yield started
        started.close()


@pytest.fixture(scope="module")
def run_dir(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(models_dir, folder / "models")
    return folder


@pytest.fixture(scope="module")
def url(browser: Browser, run_dir: Path) -> Iterator[str]:
    limits = ("serving.max_texts=2", "serving.max_explain_words=12")
    with server(run_dir, f"serving.api_keys={ENTRY}", *limits) as (_, port):
        yield f"http://127.0.0.1:{port}/"


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
    expect(opened.locator("#model")).to_have_text(f"Model {MODEL_ID}, 3 labels.", timeout=30_000)
    yield opened
    context.close()
    assert complaints == []
