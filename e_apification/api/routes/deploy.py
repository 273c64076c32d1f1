"""POST /deploy/{model_id} and /rollback: another model serves, without a request lost."""

import logging
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from common.errors import DataError, RefusedError, TriageError
from common.models.deployment import NeverServedError, NotJudgedError
from common.models.registry import model_folder
from common.stage.manifest import MANIFEST
from e_apification.api.routes.state import AppState, State
from e_apification.http.errors import ApiError, Problem, error_responses
from e_apification.http.keys import require_key

logger = logging.getLogger(__name__)
router = APIRouter(responses=error_responses(403, 404, 409, 422, 503))
Caller = Annotated[str, Depends(require_key)]


class DeployedBody(BaseModel):
    """model_id: what serves now; replaced: what served before, the same where nothing moved.

    Other server processes on the same models follow within the setting serving.follow_s.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    replaced: str


@router.post("/deploy/{model_id}")
async def deploy(
    state: State,
    model_id: str,
    caller: Caller,
    force: Annotated[
        bool, Query(description="also where the gate refused it, or never judged it; journalled")
    ] = False,
) -> DeployedBody:
    """Promote a model past the gate and serve it; it is loaded and tried first."""
    switch = state.switch
    _require_own_models(state)
    _require_known(state, model_id)
    by = f"key {caller}, POST /deploy"
    return await _moved(state, switch.deploy(model_id, by=by, force=force))


@router.post("/rollback")
async def rollback(
    state: State,
    caller: Caller,
    to: Annotated[
        str | None, Query(description="a model that has served; default: the one before")
    ] = None,
) -> DeployedBody:
    """Let the model before serve again, or ``to``; it is loaded and tried first."""
    switch = state.switch
    _require_own_models(state)
    if to is not None:
        _require_known(state, to)
    return await _moved(state, switch.roll_back(by=f"key {caller}, POST /rollback", to=to))


def _require_own_models(state: AppState) -> None:
    if state.limits.model_source == "registry":
        raise _conflict(
            "registry_decides",
            "this server serves what MLflow's alias production names; promote it there",
        )


def _require_known(state: AppState, model_id: str) -> None:
    try:
        known = (model_folder(state.models, model_id) / MANIFEST).is_file()
    except DataError:
        known = False
    if not known:
        raise ApiError(
            HTTPStatus.NOT_FOUND, "unknown_experiment", "there is no such model; see /experiments"
        )


async def _moved(state: AppState, move: Awaitable[str]) -> DeployedBody:
    """Wait for a move; what stops it is said without paths, which the log has."""
    before = state.service.predictor.model_id
    try:
        return DeployedBody(model_id=await move, replaced=before)
    except RefusedError as error:
        raise _conflict(
            "refused_by_gate",
            "the gate refused this model, and what served before serves on; force=true overrules",
            *(Problem(field="gate", problem=reason) for reason in error.reasons),
        ) from None
    except NotJudgedError:
        raise _conflict(
            "not_judged",
            "the gate has not held this model against the one that serves now; train_model judges "
            "it, force=true does without",
        ) from None
    except NeverServedError:
        raise _conflict(
            "never_served", "there is no such model to go back to; /deploy promotes a new one"
        ) from None
    except DataError as error:
        logger.error("deployment: %s", error)
        raise _conflict(
            "not_servable",
            "this model cannot serve, and what served before serves on; the server's log says why",
        ) from None
    except TriageError as error:
        logger.error("deployment: %s", error)
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "deployment_under_way",
            "another deployment is under way; try again",
            headers={"Retry-After": "5"},
        ) from None
    except OSError as error:
        logger.error("deployment: %s", error)
        raise _conflict(
            "models_read_only", "this server may not change which model serves; its log says why"
        ) from None


def _conflict(code: str, message: str, *details: Problem) -> ApiError:
    return ApiError(HTTPStatus.CONFLICT, code, message, details=details)
