"""GET / and /static/{name}: the page for people, and the styles and scripts that it is made of.

Plain files of e_apification/static, read once; nothing is built, and nothing comes from elsewhere.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

_FOLDER = Path(__file__).resolve().parents[2] / "static"
_INDEX = "index.html"
# Said here, as what the system's own table says differs from one machine to the next.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Its own files and this server, nothing else; and no string ever becomes markup or code.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
router = APIRouter(include_in_schema=False)


class _File(NamedTuple):
    body: bytes
    media_type: str
    etag: str


@router.get("/")
async def page(request: Request) -> Response:
    """The page."""
    return _answer(request, _files()[_INDEX])


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A file that the page is made of."""
    file = _files().get(name)
    if file is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _answer(request, file)


def _answer(request: Request, file: _File) -> Response:
    """The file, or 304 where the browser has it; it asks each time, so that none is ever old."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(file.body, headers={**headers, "Content-Type": file.media_type})


@cache
def _files() -> Mapping[str, _File]:
    """All files by name: a path that names none of them reaches no disk."""
    return {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')
