"""By whom the page can be used: in light and dark, on a phone, by keyboard, by screen reader."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e_apification.page.actions import ROWS, label, upload
from tests.e_apification.page.audits import AUDIT, CONTRAST

pytestmark = pytest.mark.timeout(300)
PHONE: ViewportSize = {"width": 360, "height": 740}
PARTS = ("message", "file", "review", "models")


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
    expect(page.locator("#labeled")).to_be_visible()
    for part in PARTS:
        page.locator(f"nav a[href='#{part}']").click()
        expect(page.locator(f"nav a[aria-current=page][href='#{part}']")).to_have_count(1)
        expect(page.locator(f"#{part}-title")).to_be_focused()
        if part == "models":
            expect(page.locator("#models-table tbody tr").first).to_be_visible()
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
    focused = "getComputedStyle(document.activeElement).outline"
    assert "solid 3px" in page.evaluate(focused)
