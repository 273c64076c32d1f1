"""The outermost layer: a request id and security headers on every response, an answer also where
code fails, and a count, and where asked for a log line, of each request.

Plain ASGI, because it is on the path of every request.
"""

import logging
import re
import secrets
import time
import traceback

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.log import CONTEXT
from e_apification.http.errors import CODE, REQUEST_ID, error_response, internal_error
from e_apification.monitoring.telemetry import Telemetry

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
_CLIENT_LEFT = 499  # as other servers count it
_QUIET = frozenset({"/health", "/ready", "/metrics"})  # asked for by machines, all the time
logger = logging.getLogger(__name__)


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry, log_requests: bool) -> None:
        self._app = app
        self._telemetry = telemetry
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a failure becomes a 500 in the one shape of errors."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        began = time.perf_counter()
        status = 0
        context = CONTEXT.set({"request_id": request_id})

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
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
            if not status:
                await error_response(scope, internal_error())(scope, receive, send_marked)
        finally:
            self._note(scope, status or _CLIENT_LEFT, time.perf_counter() - began)
            CONTEXT.reset(context)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log by the pattern of the route: a path can be anything."""
        route = getattr(scope.get("route"), "path", "none")
        method, code = scope["method"], scope.get(CODE)
        self._telemetry.request(
            method=method, route=route, status=status, seconds=seconds, code=code
        )
        if self._log_requests and route not in _QUIET:
            said = {"method": method, "route": route, "status": int(status), "code": code}
            said["milliseconds"] = round(1_000 * seconds, 2)
            logger.info("request", extra={"fields": said})


def _request_id(scope: Scope) -> str:
    """The client's id where it is harmless to repeat, else a new one."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)


def _log_failure(request_id: str, error: Exception) -> None:
    """Where it failed, without the exception's text, which may quote a message."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("request %s failed: %s\n%s", request_id, type(error).__name__, frames)
