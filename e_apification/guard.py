"""The outermost layer: a request id and security headers on every response, and an answer also
where code fails.

Plain ASGI, because it is on the path of every request.
"""

import logging
import re
import secrets
import traceback

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from e_apification.errors import REQUEST_ID, error_response, internal_error

_ID = REQUEST_ID.lower().encode()
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# For answers that are data; a page brings its own.
_DATA_HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
logger = logging.getLogger(__name__)


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a failure becomes a 500 in the one shape of errors."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = message.setdefault("headers", [])
                given = {name for name, _ in headers}
                headers += [header for header in _DATA_HEADERS if header[0] not in given]
                message["headers"] = [*headers, *_HEADERS, (_ID, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            logger.info("request %s: the client went away", request_id)
        except Exception as error:  # noqa: BLE001 the last line of defence, for errors unforeseen
            _log_failure(request_id, error)
            if not started:
                await error_response(scope, internal_error())(scope, receive, send_marked)


def _request_id(scope: Scope) -> str:
    """The client's id where it is harmless to repeat, else a new one."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)


def _log_failure(request_id: str, error: Exception) -> None:
    """Where it failed, without the exception's text, which may quote a message."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("request %s failed: %s\n%s", request_id, type(error).__name__, frames)
