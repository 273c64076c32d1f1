"""POST /predict and /batch_predict: labels for one text or for many."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from e_apification.api.routes.state import AppState, State
from e_apification.http.errors import error_responses
from e_apification.http.payloads import (
    BatchRequest,
    PredictRequest,
    check_texts,
    read_payload,
    takes,
)
from e_apification.model.answers import prediction_body
from e_apification.model.inference import Scored


class PredictionBody(BaseModel):
    """One text's answer.

    label: null where the model is less sure than the threshold in /metadata (then ``abstained``);
    confidence: the largest of ``scores``, which sum to 1; truncated: the end was not read;
    readable: false where cleaning leaves nothing of the text, as of a link alone.
    """

    model_config = ConfigDict(protected_namespaces=())

    label: str | None
    confidence: float
    scores: dict[str, float]
    abstained: bool
    truncated: bool
    readable: bool
    model_id: str


class PredictionsBody(BaseModel):
    """Answers in the order of the texts."""

    predictions: list[PredictionBody]


router = APIRouter(responses=error_responses(400, 408, 413, 415, 422, 503))


@router.post(
    "/predict",
    response_model=PredictionBody | PredictionsBody,
    openapi_extra=takes(PredictRequest),
)
async def predict(request: Request, state: State) -> Response:
    """Label ``text``, or each of ``texts``."""
    service, limits = state.service, state.limits
    with service.admit():
        payload = await read_payload(request, PredictRequest, limits)
        if payload.text is not None:
            check_texts([payload.text], limits, field="text")
            return _json(_bodies(state, await service.predict([payload.text]))[0])
        texts = payload.texts or []
        check_texts(texts, limits, field="texts")
        return _json({"predictions": _bodies(state, await service.predict(texts))})


@router.post("/batch_predict", response_model=PredictionsBody, openapi_extra=takes(BatchRequest))
async def batch_predict(request: Request, state: State) -> Response:
    """Label each of ``texts``."""
    service, limits = state.service, state.limits
    with service.admit():
        payload = await read_payload(request, BatchRequest, limits)
        check_texts(payload.texts, limits, field="texts")
        return _json({"predictions": _bodies(state, await service.predict(payload.texts))})


def _bodies(state: AppState, scored: Scored) -> list[dict[str, Any]]:
    state.telemetry.predicted(scored.predictor, scored.predictions)
    return [prediction_body(scored.predictor, prediction) for prediction in scored.predictions]


def _json(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), media_type="application/json")
