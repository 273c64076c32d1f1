"""Request bodies: read within bounds, parsed strictly, refused with a reason for each field."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Self, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from common.config.serving import ServingSettings
from e_apification.http.errors import ApiError, Problem

# Stops at the first wrong item: a long hostile list must not become a long list of errors.
Texts = Annotated[list[str], Field(fail_fast=True)]
_CLOSE = {"Connection": "close"}  # the rest of a refused body is not worth reading


class Payload(BaseModel):
    """A request body; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PredictRequest(Payload):
    """One ``text``, or several ``texts``."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["texts"]}]}
    )

    text: str | None = None
    texts: Texts | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        null = self.text is None and self.texts is None
        if len(self.model_fields_set) != 1 or null:
            raise PydanticCustomError("text_or_texts", "give either text or texts")
        return self


class BatchRequest(Payload):
    """Several texts, answered in their order."""

    texts: Texts


def takes(model: type[Payload]) -> dict[str, Any]:
    """The OpenAPI note of a body that a route reads by itself, within bounds."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


P = TypeVar("P", bound=Payload)


async def read_payload(request: Request, model: type[P], limits: ServingSettings) -> P:
    """Read and parse a JSON body.

    Raises:
        ApiError: 415 wrong type, 413 too large, 408 too slow, 400 no JSON, 422 wrong shape.
    """
    require_type(request, "application/json")
    body = await read_body(request, max_mb=limits.max_body_mb, timeout_s=limits.body_timeout_s)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from None


def check_texts(texts: Sequence[str], limits: ServingSettings, *, field: str) -> None:
    """Refuse too many, too long or empty texts.

    Raises:
        ApiError: 422, naming the first field at fault.
    """
    if not texts:
        raise _invalid(field, "give at least one text")
    if len(texts) > limits.max_texts:
        raise _invalid(field, f"{len(texts)} texts are more than {limits.max_texts}")
    for i, text in enumerate(texts):
        where = field if field == "text" else f"{field}.{i}"
        if len(text) > limits.max_text_chars:
            raise _invalid(where, f"longer than {limits.max_text_chars} characters")
        if not text or text.isspace():
            raise _invalid(where, "holds no text")


def require_type(request: Request, *media_types: str) -> str:
    """The media type of the body.

    Raises:
        ApiError: 415 where it is none of these, or the body is compressed: how large it would
            become is not known before.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"send the header Content-Type: {' or '.join(media_types)}, and a body of that kind",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            "send the body as it is, with no Content-Encoding",
        )
    return media_type


async def read_body(request: Request, *, max_mb: float, timeout_s: float) -> bytes:
    """The body, its bytes counted as they come: Content-Length can be absent, or a lie.

    Raises:
        ApiError: 413 too large, 408 too slow.
    """
    most = int(max_mb * 1_000_000)
    announced = request.headers.get("content-length", "0")
    too_large = announced.isascii() and announced.isdigit() and int(announced) > most
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            # Of what is too large the rest is read and dropped: a client that can still send hears
            # why it is refused, not that its connection was reset. One that asks first needs none.
            if not too_large or "expect" not in request.headers:
                async for chunk in request.stream():
                    too_large = too_large or len(body) + len(chunk) > most
                    if too_large:
                        body.clear()
                    else:
                        body += chunk
    except TimeoutError:
        if not too_large:
            raise _too_slow(timeout_s) from None
    if too_large:
        raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "payload_too_large",
        f"the body is larger than {most} bytes; /metadata publishes the limits",
        headers=_CLOSE,
    )


def _too_slow(timeout_s: float) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_TIMEOUT,
        "request_timeout",
        f"the body took longer than {timeout_s:g} seconds to arrive",
        headers=_CLOSE,
    )


def refusal(error: ValidationError) -> ApiError:
    """What was wrong with a body, field by field; nothing of it is repeated."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        return ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", "the body is not valid JSON")
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "the request does not have the expected shape",
        details=[_problem(problem) for problem in problems[:10]],
    )


def _problem(problem: ErrorDetails) -> Problem:
    """One field's problem; the name of a field that we do not know is not repeated."""
    if problem["type"] == "extra_forbidden":
        return Problem(field="body", problem="holds an unknown field")
    return Problem(field=".".join(map(str, problem["loc"])) or "body", problem=problem["msg"])


def _invalid(field: str, problem: str) -> ApiError:
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "the request is outside the limits that /metadata publishes",
        details=[Problem(field=field, problem=problem)],
    )
