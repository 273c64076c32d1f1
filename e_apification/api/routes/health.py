"""GET /health, /ready and /metadata: is the process alive, can it predict, and what is it."""

from typing import Literal

import onnxruntime
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from common.onnx.model import cpu_flags
from e_apification.api.routes.state import State
from e_apification.http.errors import error_responses, not_ready


class HealthBody(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class ReadyBody(BaseModel):
    """A model serves, this one."""

    model_config = ConfigDict(protected_namespaces=())

    status: Literal["ready"]
    model_id: str


class LabelInfo(BaseModel):
    """A category, in the words of labels.yaml."""

    name: str
    description: str


class ModelInfo(BaseModel):
    """Where the model comes from; commit and created_at as its ONNX file has them.

    max_length: tokens that are read; abstain_threshold: confidence below which no label is named;
    onnx: all that the file says of itself.
    """

    model_config = ConfigDict(protected_namespaces=())

    max_length: int
    temperature: float
    abstain_threshold: float
    labels_sha256: str
    text_rules_sha256: str
    model_id: str
    commit: str | None
    created_at: str | None
    labels: list[LabelInfo]
    catch_all: str
    onnx: dict[str, str]


class LimitsInfo(BaseModel):
    """What a request may be; rate_limit (requests a second) is null where there is none."""

    max_text_chars: int
    max_texts: int
    max_body_bytes: int
    body_timeout_s: float
    max_file_bytes: int
    max_rows: int
    max_table_bytes: int
    max_table_rows: int
    max_feedback_rows: int
    evaluate_timeout_s: float
    read_timeout_s: float
    max_explain_words: int
    max_concurrency: int
    max_evaluations: int
    max_pending_texts: int
    rate_limit: float | None
    rate_burst: int
    require_key: bool


class RuntimeInfo(BaseModel):
    """What computes: workers texts at once, each with so many threads."""

    onnxruntime: str
    cpu_flags: list[str]
    workers: int
    threads: int


class MetadataBody(BaseModel):
    """The model that serves, the limits of a request, and what it runs on."""

    model: ModelInfo
    limits: LimitsInfo
    runtime: RuntimeInfo


router = APIRouter()


@router.get("/health")
async def health() -> HealthBody:
    """Whether the process answers; it looks at no model and waits for none."""
    return HealthBody(status="ok")


@router.get("/ready", responses={503: error_responses(503)[503]})
async def ready(state: State) -> ReadyBody:
    """Whether a model is loaded and warmed up, and the server is not about to stop."""
    if state.draining:
        raise not_ready("the server is stopping; ask another one")
    return ReadyBody(status="ready", model_id=state.service.predictor.model_id)


@router.get("/metadata", responses=error_responses(503))
async def metadata(state: State) -> MetadataBody:
    """The model that serves, the limits of a request, and what it runs on."""
    service, limits = state.service, state.limits
    predictor = service.predictor
    onnx = predictor.metadata
    return MetadataBody(
        model=ModelInfo(
            **predictor.facts.model_dump(include=set(ModelInfo.model_fields)),
            model_id=predictor.model_id,
            commit=onnx.get("commit"),
            created_at=onnx.get("created_at"),
            labels=[
                LabelInfo(name=label.name, description=label.description)
                for label in predictor.labels.labels
            ],
            catch_all=predictor.labels.catch_all,
            onnx=onnx,
        ),
        limits=LimitsInfo(
            max_body_bytes=int(limits.max_body_mb * 1_000_000),
            max_file_bytes=int(limits.max_file_mb * 1_000_000),
            max_table_bytes=int(limits.max_table_mb * 1_000_000),
            **limits.model_dump(include=set(LimitsInfo.model_fields)),
        ),
        runtime=RuntimeInfo(
            onnxruntime=onnxruntime.__version__,
            cpu_flags=list(cpu_flags()),
            workers=service.workers,
            threads=limits.threads,
        ),
    )
