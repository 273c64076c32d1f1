"""POST /evaluate: how right the model is on rows that people labeled."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, error_responses
from e_apification.uploads.evaluation import evaluate, figures
from e_apification.uploads.labeled_table import LabeledTable
from e_apification.uploads.sent import receive, takes_tables

_SEED = 17  # of the bootstrap: the same file gets the same interval


class RowsBody(BaseModel):
    """Rows of the file: taken = scored + those left out, by reason."""

    taken: int
    scored: int
    left_out: dict[str, int]


class LabelBody(BaseModel):
    """One label; a ratio whose denominator is 0 counts as 0. support: rows that have it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class ConfusionBody(BaseModel):
    """Rows by label, the file's down and the model's across, both in the order of ``labels``."""

    labels: list[str]
    counts: list[list[int]]


class EvaluationBody(BaseModel):
    """The best label of each row against the file's.

    macro_f1_interval: 95 %, by bootstrap; calibration_error: expected, in 15 bins; coverage: rows
    on which the model does not abstain; covered_accuracy: of those; truncated: rows whose end was
    not read.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    rows: RowsBody
    accuracy: float
    macro_f1: float
    macro_f1_interval: list[float] = Field(min_length=2, max_length=2)
    calibration_error: float
    coverage: float
    covered_accuracy: float | None
    truncated: int
    labels: list[LabelBody]
    confusion: ConfusionBody


router = APIRouter(responses=error_responses(400, 408, 413, 415, 422, 503))


def _openapi() -> dict[str, Any]:
    content = takes_tables("text,label\nwhere is my parcel?,other\n")
    return {"requestBody": {"required": True, "content": content}}


@router.post("/evaluate", openapi_extra=_openapi())
async def evaluate_file(request: Request, state: State) -> EvaluationBody:
    """Score a CSV, JSONL or .xlsx with columns ``text`` and ``label``, also in gzip or ZIP."""
    service, limits = state.service, state.limits
    with service.admit(), state.evaluations.admit():
        file = await receive(request, max_mb=limits.max_file_mb, timeout_s=limits.body_timeout_s)
        predictor = service.predictor
        names = predictor.labels.names
        rows = LabeledTable(file, names=names, limits=limits)
        try:
            async with asyncio.timeout(limits.evaluate_timeout_s):
                tally = await evaluate(rows, service, predictor)
        except TimeoutError:
            raise _too_slow(limits.evaluate_timeout_s) from None
        scored = len(tally.correct)
        left_out = dict(rows.left_out)
        if not scored:
            raise _nothing_to_score()
        measured = await asyncio.to_thread(figures, tally, names=names, seed=_SEED)
    return EvaluationBody(
        model_id=predictor.model_id,
        rows=RowsBody(taken=scored + sum(left_out.values()), scored=scored, left_out=left_out),
        **measured,
    )


def _too_slow(timeout_s: float) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_much_work",
        f"scoring the file takes more than {timeout_s:g} seconds; send fewer rows at a time",
    )


def _nothing_to_score() -> ApiError:
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "the file has no row with both a text and a label",
    )
