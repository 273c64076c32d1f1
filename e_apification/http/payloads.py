"""Request bodies: read within bounds, parsed strictly, refused with a reason for each field."""

import asyncio
import codecs
import io
from collections.abc import Sequence
from email.message import Message
from http import HTTPStatus
from typing import Annotated, Any, Self, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from common.config.serving import ServingSettings
from common.tables.encodings.encoding import is_utf8
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
JSON = "application/json"
_OF_DOMAINS = ("idna", "punycode")  # slow on long texts, and no encoding of a file


async def read_payload(request: Request, model: type[P], limits: ServingSettings) -> P:
    """Read and parse a JSON body.

    Raises:
        ApiError: 415 wrong type, 413 too large, 408 too slow, 400 no JSON, 422 wrong shape.
    """
    require_type(request, JSON)
    body = await read_body(request, max_mb=limits.max_body_mb, timeout_s=limits.body_timeout_s)
    return parse_json(body, model)


def parse_json(body: bytes, model: type[P]) -> P:
    """A JSON body in UTF-8; a byte order mark before it is skipped.

    Raises:
        ApiError: 400 no JSON, or in another encoding; 422 wrong shape.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    # Of plain characters in UTF-16 or UTF-32 every second byte, or more, is 0: valid UTF-8.
    if not is_utf8(body) or 0 < body[:4].count(0) < 4:
        raise _invalid_json("the body is not UTF-8; send application/json in UTF-8")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None


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
        ApiError: 415 where it is none of these, or JSON in another encoding than UTF-8, or the
            body is compressed: how large it would become is not known before.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"send the header Content-Type: {' or '.join(media_types)}, and a body of that kind",
        )
    if media_type == JSON and _codec(request) not in (None, "utf-8", "ascii"):
        raise unsupported_encoding("JSON is read in UTF-8 alone; send application/json in UTF-8")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise unsupported_encoding("send the body as it is, with no Content-Encoding")
    return media_type


def stated_encoding(request: Request) -> str | None:
    """The codec that the Content-Type names in charset; None for none, and for UTF-8.

    Clients add UTF-8 unasked, so that says little of a table, whose bytes are looked at.

    Raises:
        ApiError: 415 where there is no such codec.
    """
    codec = _codec(request)
    if codec == "":
        raise unsupported_encoding("the charset of the Content-Type names no encoding of text")
    return None if codec in ("utf-8", "ascii") else codec


async def read_body(request: Request, *, max_mb: float, timeout_s: float) -> bytes:
    """The body, its bytes counted as they come: Content-Length can be absent, or a lie.

    Raises:
        ApiError: 413 too large, 408 too slow.
    """
    most = int(max_mb * 1_000_000)
    announced = request.headers.get("content-length", "0")
    too_large = announced.isascii() and announced.isdigit() and int(announced) > most
    body = io.BytesIO()
    try:
        async with asyncio.timeout(timeout_s):
            # Of what is too large the rest is read and dropped: a client that can still send hears
            # why it is refused, not that its connection was reset. One that asks first needs none.
            if not too_large or "expect" not in request.headers:
                async for chunk in request.stream():
                    too_large = too_large or body.tell() + len(chunk) > most
                    if too_large:
                        body = io.BytesIO()
                    else:
                        body.write(chunk)
    except TimeoutError:
        if not too_large:
            raise _too_slow(timeout_s) from None
    if too_large:
        raise _too_large(most)
    return body.getvalue()  # no copy


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


def _refusal(error: ValidationError) -> ApiError:
    """What was wrong with a body, field by field; nothing of it is repeated."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        return _invalid_json("the body is not valid JSON")
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "the request does not have the expected shape",
        details=[_problem(problem) for problem in problems[:10]],
    )


def unsupported_encoding(message: str) -> ApiError:
    """A body that is packed or written in a way that is not taken."""
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message)


def _codec(request: Request) -> str | None:
    """The charset of the Content-Type as Python names it; None without one, "" if unknown."""
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    charset = header.get_content_charset()
    if charset is None:
        return None
    try:
        "a".encode(charset)
    except (LookupError, ValueError):
        return ""
    codec = codecs.lookup(charset).name
    return "" if codec in _OF_DOMAINS else codec


def _invalid_json(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "invalid_json", message)


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
