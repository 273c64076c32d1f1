"""The HTTP application: settings in, FastAPI out; the model is loaded once, as it starts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from common.registry import require_production_id
from common.schema import Settings
from e_apification.errors import install_error_handlers
from e_apification.guard import Guard
from e_apification.inference import InferenceService
from e_apification.predictor import Predictor, load_predictor
from e_apification.routes import experiments, feedback, health, jobs, page, predict
from e_apification.stored import StoreAccess


def load_production(settings: Settings) -> Predictor:
    """The model that production.json of the served models names, verified and warmed up."""
    models = settings.served_models
    version = require_production_id(models)
    return load_predictor(models, version, threads=settings.serving.threads)


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

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = InferenceService(
            load(settings),
            workers=serving.workers,
            max_concurrency=serving.max_concurrency,
            max_pending_texts=serving.max_pending_texts,
        )
        app.state.service = service
        try:
            yield
        finally:
            app.state.service = None
            service.close()
            store.close()

    app = FastAPI(
        title="message-triage",
        summary="Sorts support messages into categories of your own.",
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere; /openapi.json stays
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.limits = serving
    app.state.service = None
    app.state.models = settings.served_models
    app.state.store = store
    app.add_middleware(Guard)
    install_error_handlers(app)
    for routes in (predict, feedback, jobs, experiments, health, page):
        app.include_router(routes.router)
    return app
