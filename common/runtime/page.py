"""Self-contained pages: a jinja2 template and the style that all pages share, page.css.

No script, nothing fetched; light or dark as the reader's system is.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.stage.files import sha256_of

STYLE = Path(__file__).resolve().parent / "page.css"


def render(
    template: Path, values: Mapping[str, Any], *, filters: Mapping[str, Callable[..., Any]]
) -> str:
    """The page as one string; whatever ``values`` hold, no markup of theirs takes effect."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"moment": _moment, **filters}
    environment.globals["style"] = STYLE.read_text(encoding="utf-8")
    return environment.from_string(template.read_text(encoding="utf-8")).render(values)


def page_sha256(template: Path) -> str:
    """Digest of how a page looks, for who writes it anew only where it changed."""
    return sha256_of(template) + sha256_of(STYLE)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
