"""What routes find on the application: one frozen value, which a dependency hands to them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, FastAPI, Request

from common.config.serving import ServingSettings
from e_apification.api.switch import ModelSwitch
from e_apification.http.errors import not_ready
from e_apification.http.store_access import StoreAccess
from e_apification.model.admission import Admission
from e_apification.model.inference import InferenceService
from e_apification.monitoring.telemetry import Telemetry


class Loaded(NamedTuple):
    """A model that answers, and what changes it."""

    service: InferenceService
    switch: ModelSwitch


@dataclass(frozen=True, slots=True)
class AppState:
    """The parts that routes share.

    max_field_mb: longest field of a table; models: the folder that this server sees.
    """

    limits: ServingSettings
    max_field_mb: int
    models: Path
    store: StoreAccess
    telemetry: Telemetry
    evaluations: Admission
    loaded: Loaded | None = None
    draining: bool = False

    @property
    def service(self) -> InferenceService:
        """The loaded model; an ApiError (503) where none is."""
        return self._require_loaded().service

    @property
    def switch(self) -> ModelSwitch:
        """What changes the loaded model; an ApiError (503) where none is."""
        return self._require_loaded().switch

    def _require_loaded(self) -> Loaded:
        if self.loaded is None:
            raise not_ready()
        return self.loaded


def change_state(app: FastAPI, **changes: Any) -> None:
    """Put a changed value in place of the application's own."""
    app.state.shared = replace(app.state.shared, **changes)


async def _state_of(request: Request) -> AppState:
    state: AppState = request.app.state.shared
    return state


State = Annotated[AppState, Depends(_state_of)]
