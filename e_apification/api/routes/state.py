"""What routes find on the application."""

from contextlib import AbstractContextManager
from pathlib import Path

from fastapi import Request

from common.config.serving import ServingSettings
from e_apification.api.switch import ModelSwitch
from e_apification.http.errors import not_ready
from e_apification.http.store_access import StoreAccess
from e_apification.model.admission import Admission
from e_apification.model.inference import InferenceService
from e_apification.monitoring.telemetry import Telemetry


def limits_of(request: Request) -> ServingSettings:
    """The serving settings."""
    limits: ServingSettings = request.app.state.limits
    return limits


def store_of(request: Request) -> StoreAccess:
    """Where corrections and jobs are kept."""
    store: StoreAccess = request.app.state.store
    return store


def telemetry_of(request: Request) -> Telemetry:
    """What counts."""
    telemetry: Telemetry = request.app.state.telemetry
    return telemetry


def models_of(request: Request) -> Path:
    """The folder of the models that this server sees."""
    models: Path = request.app.state.models
    return models


def service_of(request: Request) -> InferenceService:
    """The loaded model.

    Raises:
        ApiError: 503 where none is loaded.
    """
    service: InferenceService | None = request.app.state.service
    if service is None:
        raise not_ready()
    return service


def switch_of(request: Request) -> ModelSwitch:
    """What changes the loaded model.

    Raises:
        ApiError: 503 where none is loaded.
    """
    switch: ModelSwitch | None = request.app.state.switch
    if switch is None:
        raise not_ready()
    return switch


def admit_evaluation(request: Request) -> AbstractContextManager[None]:
    """One of the few files that are held in memory at once.

    Raises:
        OverloadedError: if as many as are allowed are under way.
    """
    evaluations: Admission = request.app.state.evaluations
    return evaluations.admit()
