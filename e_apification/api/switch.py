"""Which model answers: moved by /deploy and /rollback, and by whoever else moves the pointer.

A model is loaded and tried beside the one that serves, then takes its place between two requests.
Every server process looks at models/production.json by itself, so that all follow a promotion made
in one of them, by the worker of /retrain, or by hand.
"""

import asyncio
import ctypes
import logging
from collections.abc import Callable
from pathlib import Path

from common.config.schema import Settings
from common.errors import TriageError
from common.models.deployment import promote, roll_back
from common.models.registry import POINTER, production_id
from e_apification.model.inference import InferenceService
from e_apification.model.predictor import Predictor, load_predictor
from e_apification.monitoring.telemetry import Telemetry

logger = logging.getLogger(__name__)
Stamp = tuple[int, int, int]


class ModelSwitch:
    """The model of one server process; one change at a time."""

    def __init__(self, service: InferenceService, settings: Settings, telemetry: Telemetry) -> None:
        self._service = service
        self._telemetry = telemetry
        self._models: Path = settings.served_models
        self._threads = settings.serving.threads
        self._every_s = settings.serving.follow_s
        self._seen: Stamp | None = None
        self._moving = asyncio.Lock()

    async def deploy(self, model_id: str, *, by: str, force: bool) -> str:
        """Promote a model and serve it; returns what serves then.

        Raises:
            TriageError: as ``promote``, and where the model cannot be loaded; nothing has changed.
            OSError: where this server may not write to the folder of the models.
        """

        def move(trial: Callable[[str], None]) -> None:
            promote(self._models, model_id, by=by, force=force, trial=trial)

        return await self._move(move)

    async def roll_back(self, *, by: str, to: str | None) -> str:
        """Let a model serve again; returns what serves then.

        Raises:
            TriageError: as ``roll_back``, and where the model cannot be loaded.
            OSError: where this server may not write to the folder of the models.
        """

        def move(trial: Callable[[str], None]) -> None:
            roll_back(self._models, by=by, to=to, trial=trial)

        return await self._move(move)

    async def follow(self) -> None:
        """Serve what the pointer names, until cancelled; what cannot be served changes nothing."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                async with self._moving:
                    await self._catch_up({})
            except TriageError as error:
                self._telemetry.model_failed()
                logger.error("model %s serves on: %s", self._service.predictor.model_id, error)
            except OSError as error:
                logger.error("the pointer of %s cannot be read: %s", self._models, error.strerror)

    async def _move(self, move: Callable[[Callable[[str], None]], None]) -> str:
        loaded: dict[str, Predictor] = {}

        def trial(model_id: str) -> None:
            if model_id != self._service.predictor.model_id:
                loaded[model_id] = self._load(model_id)

        async with self._moving:
            await asyncio.to_thread(move, trial)
            self._seen = None
            await self._catch_up(loaded)
        return self._service.predictor.model_id

    async def _catch_up(self, loaded: dict[str, Predictor]) -> None:
        """Swap to the model that the pointer names, where it is another one."""
        model_id = await asyncio.to_thread(self._changed)
        if model_id is None:
            return
        predictor = loaded.get(model_id)
        if predictor is None:
            predictor = await asyncio.to_thread(self._load, model_id)
        before = self._service.swap(predictor).model_id
        self._telemetry.serves(predictor, before=before)
        logger.info("model %s serves, %s before it", model_id, before)
        await asyncio.to_thread(_give_memory_back)

    def _changed(self) -> str | None:
        """The model that is to serve instead of the present one, told once a change."""
        try:
            status = (self._models / POINTER).stat()
        except FileNotFoundError:
            return None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._seen:
            return None
        self._seen = stamp
        model_id = production_id(self._models)
        return None if model_id == self._service.predictor.model_id else model_id

    def _load(self, model_id: str) -> Predictor:
        return load_predictor(self._models, model_id, threads=self._threads)


def _give_memory_back() -> None:
    """Have the C library return what a model that is gone has left; it would keep a model's worth.

    Other libraries than glibc have no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
