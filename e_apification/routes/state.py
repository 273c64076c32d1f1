"""What routes find on the application."""

from fastapi import Request

from common.schema import ServingSettings
from e_apification.errors import not_ready
from e_apification.inference import InferenceService


def limits_of(request: Request) -> ServingSettings:
    """The serving settings."""
    limits: ServingSettings = request.app.state.limits
    return limits


def service_of(request: Request) -> InferenceService:
    """The loaded model.

    Raises:
        ApiError: 503 where none is loaded.
    """
    service: InferenceService | None = request.app.state.service
    if service is None:
        raise not_ready()
    return service
