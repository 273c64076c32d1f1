"""The store as routes use it: opened by its first use, and never on the event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from common.config.schema import Settings
from common.errors import TriageError
from e_apification.http.errors import ApiError

if TYPE_CHECKING:
    from sqlalchemy import Engine

T = TypeVar("T")
_RETRY_AFTER_S = "5"
logger = logging.getLogger(__name__)


class StoreAccess:
    """One store, for as long as the application runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    async def call(self, work: Callable[["Engine"], T]) -> T:
        """What ``work`` does with the store; a second call succeeds once the database is back.

        Raises:
            ApiError: 503 where the store cannot be used; the log says why.
        """
        try:
            return await asyncio.to_thread(lambda: work(self._opened()))
        except TriageError as error:
            logger.error("%s", error)
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the store does not answer; try again, with the same Idempotency-Key if you sent "
                "one. The server's log says what is wrong",
                headers={"Retry-After": _RETRY_AFTER_S},
            ) from None

    def close(self) -> None:
        """Let the connections go."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> "Engine":
        from common.store.engine import open_store

        with self._opening:
            if self._engine is None:
                self._engine = open_store(self._settings)
            return self._engine
