import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from common.runtime.page import STYLE, page_sha256, render


@pytest.fixture()
def template(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text("<style>{{ style | safe }}</style>{{ name }} {{ at | moment }}", "utf-8")
    return path


def test_values_are_escaped_and_times_are_utc(template: Path) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1)))
    page = render(template, {"name": "<b>&", "at": at}, filters={})
    assert page.endswith("&lt;b&gt;&amp; 2026-01-02 02:04 UTC")
    assert "prefers-color-scheme: dark" in page


def test_a_value_that_is_missing_is_an_error(template: Path) -> None:
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        render(template, {"at": datetime(2026, 1, 2, tzinfo=UTC)}, filters={})


def test_the_style_fetches_nothing() -> None:
    assert not re.search(r"url\(|@import|http", STYLE.read_text(encoding="utf-8"))


def test_digest_follows_the_template(template: Path) -> None:
    before = page_sha256(template)
    template.write_text("other", encoding="utf-8")
    assert page_sha256(template) != before
