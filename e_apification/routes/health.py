"""GET /health, /ready and /metadata: is the process alive, can it predict, and what is it."""

from typing import Any

import onnxruntime
from fastapi import APIRouter, Request

from common.onnx_model import cpu_flags
from e_apification.errors import ErrorBody
from e_apification.routes.state import limits_of, service_of

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers; it looks at no model and waits for none."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"model": ErrorBody}})
async def ready(request: Request) -> dict[str, str]:
    """Whether a model is loaded, warmed up and serves."""
    return {"status": "ready", "model_version": service_of(request).predictor.version}


@router.get("/metadata", responses={503: {"model": ErrorBody}})
async def metadata(request: Request) -> dict[str, Any]:
    """The model that serves, the limits of a request, and what it runs on."""
    service, limits = service_of(request), limits_of(request)
    predictor = service.predictor
    return {
        "model": {
            "version": predictor.version,
            "labels": [
                {"name": label.name, "description": label.description}
                for label in predictor.labels.labels
            ],
            "catch_all": predictor.labels.catch_all,
            **predictor.facts.model_dump(),
            "onnx": predictor.metadata,
        },
        "limits": {
            "max_text_chars": limits.max_text_chars,
            "max_texts": limits.max_texts,
            "max_body_bytes": int(limits.max_body_mb * 1_000_000),
            "max_concurrency": limits.max_concurrency,
            "max_pending_texts": limits.max_pending_texts,
            "body_timeout_s": limits.body_timeout_s,
        },
        "runtime": {
            "onnxruntime": onnxruntime.__version__,
            "cpu_flags": list(cpu_flags()),
            "workers": service.workers,
            "threads": limits.threads,
        },
    }
