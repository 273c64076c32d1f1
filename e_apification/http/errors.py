"""The one shape of every error: {"error": {"code", "message", "status", "path", "details"}}.

Messages are written here or by the route; no exception text, input or file path reaches a client.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from e_apification.model.admission import OverloadedError

REQUEST_ID = "X-Request-ID"
CODE = "triage.error_code"  # in the scope, for whoever counts
_MAX_PATH_CHARS = 200
_RETRY_AFTER_S = "1"
_MESSAGES = {
    HTTPStatus.NOT_FOUND: "there is no such page; / shows what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; see the Allow header",
}
# What /docs says of each; 401 and 429 can come from any route, by settings.
_MEANINGS = {
    400: "the body is not what its Content-Type says",
    401: "an API key is needed, and no right one came",
    403: "the server has no API key configured, so nobody may do this",
    404: "there is no such thing",
    408: "the body took too long to arrive",
    409: "it contradicts what is under way",
    413: "the body, file or batch is too large",
    415: "another Content-Type or Content-Encoding is needed",
    422: "the body is readable but not as it should be; details name the fields",
    429: "too many requests; Retry-After says when to come back",
    500: "the server failed; quote the request id",
    503: "no model serves, or too much is under way; Retry-After says when to come back",
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


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can answer so, beside what any route can answer."""
    return {
        status: {"model": ErrorBody, "description": _MEANINGS[status]}
        for status in sorted({*statuses, 401, 429, 500})
    }


def error_response(scope: Scope, error: ApiError) -> Response:
    """Render an error; the request id is put on every response by the guard."""
    scope[CODE] = error.code
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


def not_ready(message: str = "no model is loaded; try again") -> ApiError:
    """No model is loaded (yet, or no longer), or the server is about to stop."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready",
        message,
        headers={"Retry-After": _RETRY_AFTER_S},
    )


def install_error_handlers(app: FastAPI) -> None:
    """Give the app's errors their one shape."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(OverloadedError, _on_overload)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)


def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 registered for these
    return error_response(request.scope, error)


def _on_overload(request: Request, _: Exception) -> Response:
    overloaded = ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded",
        "too much is under way; try again after the seconds in Retry-After",
        headers={"Retry-After": _RETRY_AFTER_S},
    )
    return error_response(request.scope, overloaded)


def _on_invalid(request: Request, error: Exception) -> Response:
    """Parameters that FastAPI reads by itself; their values are not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 registered for these
    invalid = ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "the request does not have the expected shape",
        details=[
            Problem(field=".".join(map(str, problem["loc"])), problem=problem["msg"])
            for problem in error.errors()[:10]
        ],
    )
    return error_response(request.scope, invalid)


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 registered for these
    status = HTTPStatus(error.status_code)
    message = _MESSAGES.get(status, status.phrase)
    code = status.phrase.lower().replace(" ", "_")
    return error_response(
        request.scope, ApiError(status, code, message, headers=dict(error.headers or {}))
    )
