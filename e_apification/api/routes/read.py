"""POST /read: the rows of a file, as every command reads it; the page shows and labels them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from common.errors import DataError
from common.tables.delimited.plain import Fields, PlainRows
from common.tables.tolerant import open_tolerant
from common.tables.upload import TooLargeError
from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, error_responses
from e_apification.uploads.archives import too_large
from e_apification.uploads.sent import Sent, receive, takes_tables

_LINES = "application/x-ndjson"
_ROWS_A_LINE = 500
_CHARS_A_LINE = 1 << 20
logger = logging.getLogger(__name__)
router = APIRouter(responses=error_responses(400, 408, 413, 415, 503))


def _openapi() -> dict[str, Any]:
    content = takes_tables("id,text\n1,where is my parcel?\n")
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/read",
    openapi_extra=_openapi(),
    response_class=Response,
    responses={200: {"content": {_LINES: {"schema": {"type": "string"}}}}},
)
async def read(request: Request, state: State) -> Response:
    """Read a table: CSV, JSONL or .xlsx, also in gzip or ZIP; nothing of it is kept.

    The answer is a JSON object a line. The first has ``form`` (how the file was read) and
    ``columns``; the next ones have ``rows`` (lists of strings and nulls) and ``rejected``
    (number, reason and text of records that are no row); the last one has ``end``, the counts
    of both, or ``error`` where the file cannot be read to its end.
    """
    limits = state.limits
    with ExitStack() as stack:
        stack.enter_context(state.evaluations.admit())
        file = await receive(request, max_mb=limits.max_table_mb, timeout_s=limits.read_timeout_s)
        lines = _lines(file, max_field_mb=state.max_field_mb, max_rows=limits.max_table_rows)
        first = await asyncio.to_thread(next, lines)
        held = stack.pop_all()  # until the answer is sent
    return _Lines(_sent(first, lines), held, timeout_s=limits.read_timeout_s)


class _Lines(StreamingResponse):
    """An answer that has a time to be read in, and lets go of what is held for it."""

    def __init__(self, lines: AsyncIterator[bytes], held: ExitStack, *, timeout_s: float) -> None:
        super().__init__(lines, media_type=_LINES)
        self._held, self._timeout_s = held, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; the connection of one who reads too slowly is closed."""
        with self._held:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await super().__call__(scope, receive, send)
            except TimeoutError:
                logger.info("an answer of /read took more than %g seconds", self._timeout_s)


async def _sent(first: bytes, lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The lines; each is made beside the event loop."""
    line: bytes | None = first
    while line is not None:
        yield line
        line = await asyncio.to_thread(next, lines, None)


def _lines(file: Sent, *, max_field_mb: int, max_rows: int) -> Iterator[bytes]:
    """The answer line by line.

    Raises:
        ApiError: before the first line alone.
    """
    started = False
    rows = rejected = 0
    try:
        table = open_tolerant(
            file.opened(),
            name="the file",
            max_bytes=file.max_bytes,
            max_field_mb=max_field_mb,
            encoding=file.encoding,
        )
        with table as read:
            yield _line(columns=read.columns)
            started = True
            for block in read.blocks:
                rows += len(block.rows)
                rejected += len(block.rejected)
                if rows + rejected > max_rows:
                    raise _too_many_rows(max_rows)
                yield from _parts(block)
            form = read.find_form()
        found = asdict(form) | {"described": form.described}
        yield _line(end={"rows": rows, "rejected": rejected, "form": found})
    except (DataError, ApiError) as error:
        refused = _refusal(error, max_bytes=file.max_bytes)
        if not started:
            raise refused from None
        yield _line(error={"code": refused.code, "message": refused.message})


def _parts(block: PlainRows) -> Iterator[bytes]:
    """The block in lines of a bounded length."""
    rows: list[Fields] = []
    chars = 0
    for row in block.rows:
        rows.append(row)
        chars += sum(len(field) for field in row if field)
        if len(rows) == _ROWS_A_LINE or chars > _CHARS_A_LINE:
            yield _line(rows=rows, rejected=[])
            rows, chars = [], 0
    if rows:
        yield _line(rows=rows, rejected=[])
    for found in block.rejected:
        yield _line(rows=[], rejected=[found._asdict()])


def _line(**content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode(errors="replace") + b"\n"


def _refusal(error: DataError | ApiError, *, max_bytes: int) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, TooLargeError):
        return too_large(max_bytes)
    return ApiError(HTTPStatus.BAD_REQUEST, "invalid_table", str(error))


def _too_many_rows(most: int) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_many_rows",
        f"the file has more than {most:,} rows; label it with make score",
    )
