"""POST /retrain and GET /retrain/{job}: ask for a training, and how it goes.

The API never trains: ``python -m d_training worker`` takes the job from the store.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, Problem, error_responses
from e_apification.http.keys import require_key

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.store.jobs import Job

_LONGEST_ID = 18  # digits, which 64 bits hold
_NO_WORKER = (
    "no worker has shown life lately, so this job waits; start one beside the server, with the "
    "same RUN_DIR or DATABASE_URL: python -m d_training worker"
)
router = APIRouter(dependencies=[Depends(require_key)])


class JobBody(BaseModel):
    """A training that was asked for.

    attempts: tries begun, a second one where a worker died; model_id: the model that came of it;
    reasons: why the gate refused it, or why it failed; warnings: what a person should see to.
    """

    job: int
    state: Literal["queued", "running", "succeeded", "refused", "failed"]
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    model_id: str | None
    reasons: list[str]
    warnings: list[str]


@router.post(
    "/retrain",
    status_code=HTTPStatus.ACCEPTED,
    responses=error_responses(403, 409, 503),
)
async def retrain(
    state: State, response: Response, caller: Annotated[str, Depends(require_key)]
) -> JobBody:
    """Queue a training on all that is known, people's labels among it; one at a time."""

    def ask(engine: "Engine") -> JobBody:
        from common.store.jobs import JobOpenError, queue_job, worker_alive

        try:
            job = queue_job(engine, by=caller)
        except JobOpenError as error:
            raise _open_already(error.job) from None
        return _body(job, alive=worker_alive(engine))

    body = await state.store.call(ask)
    response.headers["Location"] = f"/retrain/{body.job}"
    return body


@router.get("/retrain/{job}", responses=error_responses(403, 404, 503))
async def retrain_state(state: State, job: str) -> JobBody:
    """How a training goes, or went."""

    def look(engine: "Engine") -> JobBody | None:
        from common.store.jobs import find_job, worker_alive

        found = find_job(engine, int(job))
        return found and _body(found, alive=worker_alive(engine))

    known = job.isascii() and job.isdigit() and len(job) <= _LONGEST_ID
    body = await state.store.call(look) if known else None
    if body is None:
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_job", "there is no such job")
    return body


def _open_already(job: "Job") -> ApiError:
    return ApiError(
        HTTPStatus.CONFLICT,
        "job_open",
        f"job {job.id} is {job.state} already; GET /retrain/{job.id} shows how it goes",
        details=[Problem(field="job", problem=f"{job.id} is {job.state}")],
        headers={"Location": f"/retrain/{job.id}"},
    )


def _body(job: "Job", *, alive: bool) -> JobBody:
    waits = job.state in ("queued", "running") and not alive
    return JobBody(
        job=job.id,
        state=job.state,
        asked_by=job.asked_by,
        asked_at=datetime.fromtimestamp(job.asked_at, UTC),
        started_at=_moment(job.started_at),
        finished_at=_moment(job.finished_at),
        attempts=job.attempts,
        model_id=job.model_id,
        reasons=list(job.reasons),
        warnings=[_NO_WORKER] if waits else [],
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
