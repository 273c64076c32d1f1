"""The HTTP application: settings in, FastAPI out; a model is loaded as it starts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.models.registry import require_production_id
from e_apification.api.openapi import install_openapi
from e_apification.api.routes import (
    deploy,
    docs,
    evaluate,
    experiments,
    explain,
    feedback,
    figures,
    health,
    jobs,
    page,
    predict,
    read,
)
from e_apification.api.routes.state import AppState, Loaded, change_state
from e_apification.api.switch import ModelSwitch
from e_apification.http.access import Access
from e_apification.http.errors import REQUEST_ID, install_error_handlers
from e_apification.http.guard import Guard
from e_apification.http.head import Head
from e_apification.http.keys import HEADER
from e_apification.http.store_access import StoreAccess
from e_apification.model.admission import Admission
from e_apification.model.inference import InferenceService
from e_apification.model.predictor import Predictor, load_predictor
from e_apification.monitoring.drift import DriftWindow
from e_apification.monitoring.telemetry import Telemetry


def load_production(settings: Settings) -> Predictor:
    """The model that production.json of the served models names, verified and warmed up."""
    models = settings.served_models
    model_id = require_production_id(models)
    return load_predictor(models, model_id, threads=settings.serving.threads)


def create_app(
    settings: Settings, *, load: Callable[[Settings], Predictor] = load_production
) -> FastAPI:
    """Build the application.

    Args:
        settings: paths and the section ``serving``.
        load: gives the predictor as the application starts; a TriageError stops the start.
    """
    serving = settings.serving
    store = StoreAccess(settings)
    telemetry = Telemetry(
        DriftWindow(
            size=serving.drift_window, min_texts=serving.drift_min_texts, limit=serving.drift_psi
        )
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = InferenceService(
            load(settings),
            workers=serving.workers,
            max_concurrency=serving.max_concurrency,
            max_pending_texts=serving.max_pending_texts,
            on_pending=telemetry.pending,
        )
        telemetry.serves(service.predictor)
        switch = ModelSwitch(service, settings, telemetry)
        following = asyncio.create_task(switch.follow())
        change_state(app, loaded=Loaded(service, switch), draining=False)
        try:
            yield
        finally:
            change_state(app, loaded=None, draining=True)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            service.close()
            store.close()

    app = FastAPI(
        title="message-triage",
        summary="Sorts support messages into categories of your own.",
        description='Every answer other than 2xx is `{"error": {...}}`, with a stable `code`.',
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads scripts from elsewhere; routes/docs.py has ours
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.shared = AppState(
        limits=serving,
        max_field_mb=settings.ingestion.max_field_mb,
        models=settings.served_models,
        store=store,
        telemetry=telemetry,
        evaluations=Admission(serving.max_evaluations),
    )
    _add_layers(app, serving, telemetry)
    install_error_handlers(app)
    install_openapi(app, serving)
    for routes in (predict, explain, read, evaluate, feedback, jobs, experiments, deploy, health):
        app.include_router(routes.router)
    for routes in (figures, page, docs):
        app.include_router(routes.router)
    return app


def _add_layers(app: FastAPI, serving: ServingSettings, telemetry: Telemetry) -> None:
    """Wrap the routes; the last that is added is the outermost."""
    if serving.require_key or serving.rate_limit:
        app.add_middleware(Access, limits=serving)
    if serving.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=serving.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", HEADER, REQUEST_ID],
            expose_headers=["Retry-After", REQUEST_ID],
        )
    app.add_middleware(Guard, telemetry=telemetry, log_requests=serving.log_format == "json")
    app.add_middleware(Head)
