"""Who calls, and how often: keys where all routes need one, and a rate for each caller.

Plain ASGI, and only put before the application where a setting asks for it.
"""

import ipaddress
import math
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from common.config.serving import ServingSettings
from e_apification.http.errors import ApiError, error_response
from e_apification.http.keys import key_name, presented_key, wrong_key
from e_apification.http.rates import TokenBuckets

# Probes, and what holds nothing that a key would guard.
_OPEN = frozenset({"/health", "/ready", "/", "/docs", "/openapi.json"})
_PROBES = frozenset({"/health", "/ready"})
# Files of the page, a dozen of them at once: neither secret nor any work.
_STATIC = "/static/"


class Access:
    """Refuses with 401 who needs a key and has none, with 429 who asks too often."""

    def __init__(self, app: ASGIApp, *, limits: ServingSettings) -> None:
        self._app = app
        self._keys = limits.api_keys
        self._needs_key = limits.require_key
        self._buckets = (
            TokenBuckets(rate=limits.rate_limit, burst=limits.rate_burst)
            if limits.rate_limit
            else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] == "http" and not _is_free(scope["path"]):
            refusal = self._refusal(scope)
            if refusal is not None:
                await error_response(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        name = key_name(presented_key(scope), self._keys)
        if self._buckets is not None:
            # A wrong key counts for the address, so that guessing is slow.
            wait_s = self._buckets.take(f"key {name}" if name else _address(scope))
            if wait_s:
                return too_many_requests(wait_s)
        if self._needs_key and name is None and scope["path"] not in _OPEN:
            return wrong_key()
        return None


def _is_free(path: str) -> bool:
    return path in _PROBES or path.startswith(_STATIC)


def too_many_requests(wait_s: float) -> ApiError:
    """The answer to a caller whose bucket is empty."""
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_requests",
        "more requests than the rate limit allows; try again after the seconds in Retry-After",
        headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
    )


def _address(scope: Scope) -> str:
    """The caller's address; of IPv6 the /64, of which one caller has all."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    if ":" not in host:
        return str(host)
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return str(host)
