"""GET /: a page to try a message on, in one file and with nothing fetched from elsewhere."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

_PAGE = Path(__file__).resolve().parent.parent / "page.html"
router = APIRouter()


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """The page, which may run its own script and style and talk to this server only."""
    html, policy = _page()
    return Response(html, headers={"Content-Security-Policy": policy}, media_type="text/html")


@cache
def _page() -> tuple[str, str]:
    """The page and the policy that names its script and style by digest."""
    html = _PAGE.read_text(encoding="utf-8")
    script, style = (_digest(html, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _digest(html: str, tag: str) -> str:
    match = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    assert match  # noqa: S101 the page is a part of this package
    return f"'sha256-{base64.b64encode(hashlib.sha256(match.group(1).encode()).digest()).decode()}'"
