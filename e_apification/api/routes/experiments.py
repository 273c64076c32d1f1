"""GET /experiments and /metrics/{model_id}: the models that are here, with scores."""

import json
import logging
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Response
from pydantic import BaseModel, ValidationError

from common.errors import DataError
from common.models.registry import METRICS, model_folder, serving_id
from common.models.verdict import find_verdict
from common.stage.manifest import MANIFEST, Manifest
from e_apification.api.routes.state import State
from e_apification.http.errors import ApiError, error_responses

_SCORES = ("macro_f1_held_out", "teacher_agreement", "int8_agreement")
logger = logging.getLogger(__name__)
router = APIRouter()


class VerdictBody(BaseModel):
    """What the promotion gate found. against: the model that served then; reasons: what failed."""

    promote: bool
    against: str | None
    judged_at: datetime
    reasons: list[str]


class ExperimentBody(BaseModel):
    """A trained model.

    production: whether it is the one that is to serve; serves: whether it is the one that answers
    here, which differs only while a server follows, or where it cannot load what is to serve.
    scores: of 0 to 1, against the teacher's labels of held-out texts.
    """

    model_id: str
    created_at: datetime
    scores: dict[str, float]
    verdict: VerdictBody | None
    production: bool
    serves: bool


class ExperimentsBody(BaseModel):
    """All models, the newest first."""

    experiments: list[ExperimentBody]


@router.get("/experiments", responses=error_responses())
def experiments(state: State) -> ExperimentsBody:
    """The models, their scores, the gate's verdicts, and which of them is to serve."""
    models = state.models
    production = serving_id(models)
    answers = state.loaded.service.predictor.model_id if state.loaded else None
    found = []
    for path in models.glob(f"*/{MANIFEST}"):
        try:
            model_folder(models, path.parent.name)  # the id is one, no staging folder
            manifest = Manifest.model_validate_json(path.read_bytes())
        except DataError:
            continue
        except (OSError, ValidationError):
            logger.warning("model %s has a damaged manifest, left out", path.parent.name)
            continue
        name = path.parent.name
        body = _experiment(
            models, name, manifest, production=name == production, serves=name == answers
        )
        found.append(body)
    found.sort(key=lambda body: body.created_at, reverse=True)
    return ExperimentsBody(experiments=found)


@router.get(
    "/metrics/{model_id}",
    responses=error_responses(404),
    response_model=dict[str, object],
)
def metrics(state: State, model_id: str) -> Response:
    """What training measured of one model, its metrics.json."""
    try:
        text = (model_folder(state.models, model_id) / METRICS).read_bytes()
    except (DataError, FileNotFoundError):
        raise ApiError(
            HTTPStatus.NOT_FOUND, "unknown_experiment", "there is no such model; see /experiments"
        ) from None
    # Python writes NaN, which is no JSON.
    content = json.loads(text, parse_constant=lambda _: None)
    return Response(json.dumps(content), media_type="application/json")


def _experiment(
    models: Path, model_id: str, manifest: Manifest, *, production: bool, serves: bool
) -> ExperimentBody:
    verdict = find_verdict(models, model_id)
    return ExperimentBody(
        model_id=model_id,
        created_at=manifest.created_at,
        scores={name: manifest.figures[name] for name in _SCORES if name in manifest.figures},
        verdict=None
        if verdict is None
        else VerdictBody(
            promote=verdict.promote,
            against=verdict.against,
            judged_at=verdict.judged_at,
            reasons=list(verdict.reasons),
        ),
        production=production,
        serves=serves,
    )
