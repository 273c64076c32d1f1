"""The server process: uvicorn, which on a stop signal first says so and then drains, in bounds."""

import os
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from common.config.serving import ServingSettings
from e_apification.api.routes.state import change_state

_KEEP_ALIVE_S = 30


class DrainingServer(uvicorn.Server):
    """Turns /ready to 503 at the first signal, and stops accepting ``delay_s`` later.

    A second signal does not wait; requests under way have timeout_graceful_shutdown seconds.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        app: FastAPI,
        delay_s: float,
        started: Callable[[], None] | None,
        parent: int | None,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._delay_s = delay_s
        self._tell_started = started
        self._parent = parent
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What uvicorn calls first; returns once it listens."""
        await super().startup(sockets)
        if self._tell_started is not None:
            self._tell_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What uvicorn calls on SIGTERM and SIGINT."""
        first = not self._app.state.shared.draining
        change_state(self._app, draining=True)
        super().handle_exit(sig, frame)
        if first and self._delay_s:
            self._stop_at = time.monotonic() + self._delay_s
            self.should_exit = False

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn calls ten times a second."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        if self._parent is not None and os.getppid() != self._parent:
            self.should_exit = True  # whoever would have told us to stop was killed
        return await super().on_tick(counter)


def run_server(
    app: FastAPI,
    serving: ServingSettings,
    *,
    listener: socket.socket | None = None,
    started: Callable[[], None] | None = None,
    parent: int | None = None,
) -> None:
    """Listen until a signal comes.

    Args:
        app: the application.
        serving: how it is served.
        listener: an open socket to listen on, instead of one of its own.
        started: called as it listens.
        parent: id of the parent process, with which the server ends.
    """
    config = uvicorn.Config(
        app,
        host=serving.host,
        port=serving.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,  # keeps what configure_logging set up
        server_header=False,
        # Whoever is believed about addresses can step around the rate limit.
        proxy_headers=bool(serving.trusted_proxies),
        forwarded_allow_ips=list(serving.trusted_proxies),
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=serving.drain_s,
    )
    server = DrainingServer(
        config, app=app, delay_s=serving.drain_delay_s, started=started, parent=parent
    )
    server.run(None if listener is None else [listener])
