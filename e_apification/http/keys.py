"""API keys: who may change state, known to the server by name and hash only.

    python -m e_apification keys new NAME      prints a fresh key, once, and its setting

The setting serving.api_keys holds name:hash entries; common/config/secret_files.py makes keys.
"""

import argparse
import hashlib
import re
import secrets
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.types import Scope

from common.config.secret_files import key_entry, new_key
from common.config.serving import KEY_NAME
from e_apification.http.errors import ApiError

HEADER = "X-API-Key"
# What /openapi.json says of keys; reading the headers is left to ``presented_key``.
_Header = Annotated[str | None, Security(APIKeyHeader(name=HEADER, auto_error=False))]
_Bearer = Annotated[object, Security(HTTPBearer(auto_error=False))]


def presented_key(scope: Scope) -> bytes | None:
    """The key that a request brings in X-API-Key, else in Authorization: Bearer."""
    bearer = None
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return bytes(value)
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = bytes(value[7:].strip())
    return bearer


def key_name(presented: bytes | None, keys: Sequence[str]) -> str | None:
    """The name of the configured key that this is; None where it is none.

    All entries are compared, each in constant time: how long it takes tells nothing.
    """
    if presented is None:
        return None
    digest = hashlib.sha256(presented).hexdigest()
    found = None
    for entry in keys:
        name, _, known = entry.partition(":")
        if secrets.compare_digest(digest, known):
            found = name
    return found


def wrong_key() -> ApiError:
    """The answer where a key is needed and none, or a wrong one, came."""
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        "wrong_key",
        f"this needs an API key in the header {HEADER}, or as Authorization: Bearer",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def require_key(request: Request, _header: _Header, _bearer: _Bearer) -> str:
    """Dependency of routes that change state: the name of the caller's key.

    Raises:
        ApiError: 403 where no key is configured, 401 where the request has no right one.
    """
    keys: Sequence[str] = request.app.state.shared.limits.api_keys
    if not keys:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            "no_keys_configured",
            "this changes state and needs an API key, of which the server has none: make one with "
            "`python -m e_apification keys new NAME`, put the entry that it prints into the "
            "setting serving.api_keys and restart the server",
        )
    name = key_name(presented_key(request.scope), keys)
    if name is None:
        raise wrong_key()
    return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m e_apification keys", description="Make an API key."
    )
    parser.add_argument("action", choices=["new"])
    parser.add_argument("name", help="name of the user: letters, digits, - and _, a letter first")
    args = parser.parse_args(arguments)
    if not re.fullmatch(KEY_NAME, args.name):
        parser.error(f"the name {args.name!r} must match {KEY_NAME}")
    key = new_key()
    entry = key_entry(args.name, key)
    sys.stdout.write(
        f"key, shown this once: {key}\n"
        f"entry for serving.api_keys (several: separated by commas):\n{entry}\n"
        f"for example TRIAGE_SERVING__API_KEYS={entry}\n"
    )
    return 0
