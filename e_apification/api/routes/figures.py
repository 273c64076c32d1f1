"""GET /metrics for Prometheus, and GET /drift: is what people ask still what was trained on?"""

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict

from common.models.journal import JOURNAL, Deployment, last_move, read_journal
from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, error_responses

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.store.jobs import Queue

_DECIMALS = 6
_EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
router = APIRouter()


class DistanceBody(BaseModel):
    """of: what is compared; psi: the population stability index, 0 where nothing has changed.

    chance: what the index stays below by chance in 999 of 1,000 samples of this size; drifted: psi
    is above chance and above the limit, null below the minimum of texts.
    """

    of: Literal["labels", "confidence", "tokens"]
    psi: float
    chance: float
    drifted: bool | None


class DriftBody(BaseModel):
    """The last texts of /predict and /batch_predict against the held-out texts of training.

    texts: how many are looked at, of this model by this server process; distances: empty where
    the model was trained by code that left no snapshot.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    texts: int
    min_texts: int
    limit: float
    distances: list[DistanceBody]


@router.get("/metrics", response_class=Response, responses=error_responses() | _EXPOSITION)
async def metrics(state: State) -> Response:
    """What is counted since the start, in Prometheus' text format; of all server processes."""
    queue = None
    if state.limits.api_keys:  # else nobody can ask for a job
        try:
            queue = await state.store.call(_look_at_queue)
        except ApiError:
            queue = None  # it was logged; the rest is still worth telling
    deployment = await asyncio.to_thread(_last_move, state.models)
    content = state.telemetry.exposition(queue=queue, deployment=deployment)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/drift", responses=error_responses(503))
async def drift(state: State) -> DriftBody:
    """How far labels, confidence and length are from the training snapshot."""
    window = state.telemetry.drift
    return DriftBody(
        model_id=state.service.predictor.model_id,
        texts=window.texts,
        min_texts=window.min_texts,
        limit=window.limit,
        distances=[
            DistanceBody.model_validate(
                found._asdict()
                | {"psi": round(found.psi, _DECIMALS), "chance": round(found.chance, _DECIMALS)}
            )
            for found in window.measure()
        ],
    )


def _look_at_queue(engine: "Engine") -> "Queue":
    from common.store.jobs import look_at_queue

    return look_at_queue(engine)


def _last_move(models: Path) -> Deployment | None:
    """What put the production model in place; None where no journal is beside the models."""
    try:
        status = (models / JOURNAL).stat()
    except FileNotFoundError:
        return None
    return _last_move_of(models, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _last_move_of(models: Path, _stamp: tuple[int, int, int]) -> Deployment | None:
    return last_move(read_journal(models))
