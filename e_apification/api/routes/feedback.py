"""POST /add_data: labels that people gave, kept for the next training."""

import hashlib
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, Problem, error_responses
from e_apification.http.keys import require_key
from e_apification.http.payloads import JSON
from e_apification.uploads.corrections import AddDataRequest, check_rows, read_rows
from e_apification.uploads.sent import receive, takes_tables

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.store.feedback import Batch

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
router = APIRouter(responses=error_responses(400, 403, 408, 409, 413, 415, 422, 503))


class AddedBody(BaseModel):
    """What is kept now, and will not be lost."""

    batch: int
    rows: int
    added_at: datetime


def _openapi() -> dict[str, Any]:
    schema = AddDataRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["rows"]["items"] = schema.pop("$defs")["LabeledRow"]
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "a name of your own for this request: sent again, it adds nothing twice",
        "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
    }
    tables = takes_tables("text,label\nwhere is my parcel?,other\n")
    content = {JSON: {"schema": schema}, **tables}
    return {"requestBody": {"required": True, "content": content}, "parameters": [key]}


@router.post("/add_data", status_code=HTTPStatus.CREATED, openapi_extra=_openapi())
async def add_data(
    request: Request, state: State, caller: Annotated[str, Depends(require_key)]
) -> AddedBody:
    """Keep all rows of JSON, or of a table with columns ``text`` and ``label``, or none of them.

    The answer comes once they are on the disk. A request whose answer was lost can be sent again
    with the same ``Idempotency-Key``: it gets the same answer and adds nothing twice; the same
    key with another body is refused (409).
    """
    service, limits, store = state.service, state.limits, state.store
    key = _idempotency_key(request)
    with service.admit():
        sent = await receive(
            request, max_mb=limits.max_body_mb, timeout_s=limits.body_timeout_s, also=(JSON,)
        )
        digest = hashlib.sha256(sent.media_type.encode() + b"\n" + sent.body).hexdigest()
        names = service.predictor.labels.names
        rules = service.predictor.facts.text_rules

        def add(engine: "Engine") -> "Batch":
            from common.store.feedback import KeyReusedError, add_batch, find_batch

            try:
                # Looked for first: what was taken once is answered alike whatever serves now.
                if key and (found := find_batch(engine, by=caller, key=key, body_sha256=digest)):
                    return found
                rows = check_rows(read_rows(sent), names=names, rules=rules, limits=limits)
                return add_batch(engine, rows, by=caller, key=key, body_sha256=digest)
            except KeyReusedError:
                raise _key_reused() from None

        batch = await store.call(add)
    added_at = datetime.fromtimestamp(batch.added_at, UTC)
    return AddedBody(batch=batch.id, rows=batch.rows, added_at=added_at)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_request",
            "the request does not have the expected shape",
            details=[
                Problem(field="Idempotency-Key", problem="give 1 to 200 visible ASCII characters")
            ],
        )
    return key


def _key_reused() -> ApiError:
    return ApiError(
        HTTPStatus.CONFLICT,
        "idempotency_key_reused",
        "this Idempotency-Key came with another body before; nothing was added",
    )
