"""The one shape of every error: {"error": {"code", "message", "status", "path", "details"}}.

Messages are written here or by the route; no exception text, input or file path reaches a client.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from e_apification.inference import OverloadedError

REQUEST_ID = "X-Request-ID"
_MAX_PATH_CHARS = 200
_RETRY_AFTER_S = "1"
_MESSAGES = {
    HTTPStatus.NOT_FOUND: "there is no such page; / shows what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; see the Allow header",
}


class Problem(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    problem: str


class ErrorContent(BaseModel):
    """What went wrong; ``code`` is stable, ``message`` is for people."""

    code: str
    message: str
    status: int
    path: str
    details: list[Problem]


class ErrorBody(BaseModel):
    """The body of every response that is not 2xx."""

    error: ErrorContent


class ApiError(Exception):
    """An answer other than 2xx, raised by a route."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        details: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = list(details)
        self.headers = dict(headers or {})


def error_response(scope: Scope, error: ApiError) -> Response:
    """Render an error; the request id is put on every response by the guard."""
    content = ErrorContent(
        code=error.code,
        message=error.message,
        status=error.status,
        path=scope["path"][:_MAX_PATH_CHARS],
        details=error.details,
    )
    # json's ASCII output also takes the lone surrogates that a hostile path can hold.
    body = json.dumps({"error": content.model_dump()})
    return Response(body, error.status, error.headers, media_type="application/json")


def internal_error() -> ApiError:
    """What a client learns of a failure of ours: nothing but the request id to quote."""
    return ApiError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        f"the server failed to answer; quote the {REQUEST_ID} header when you report it",
    )


def not_ready() -> ApiError:
    """No model is loaded (yet, or no longer)."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready",
        "no model is loaded; try again",
        headers={"Retry-After": _RETRY_AFTER_S},
    )


def install_error_handlers(app: FastAPI) -> None:
    """Give the app's errors their one shape."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(OverloadedError, _on_overload)
    app.add_exception_handler(HTTPException, _on_http_error)


def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101
    return error_response(request.scope, error)


def _on_overload(request: Request, _: Exception) -> Response:
    overloaded = ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded",
        "too much is under way; try again after the seconds in Retry-After",
        headers={"Retry-After": _RETRY_AFTER_S},
    )
    return error_response(request.scope, overloaded)


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    message = _MESSAGES.get(status, status.phrase)
    code = status.phrase.lower().replace(" ", "_")
    return error_response(
        request.scope, ApiError(status, code, message, headers=dict(error.headers or {}))
    )
