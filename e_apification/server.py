"""The server process: uvicorn, which on a stop signal first says so and then drains, in bounds."""

import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from common.schema import ServingSettings

_KEEP_ALIVE_S = 30


class DrainingServer(uvicorn.Server):
    """Turns /ready to 503 at the first signal, and stops accepting ``delay_s`` later.

    A second signal does not wait; requests under way have timeout_graceful_shutdown seconds.
    """

    def __init__(self, config: uvicorn.Config, *, app: FastAPI, delay_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._delay_s = delay_s
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What uvicorn calls on SIGTERM and SIGINT."""
        first = not self._app.state.draining
        self._app.state.draining = True
        super().handle_exit(sig, frame)
        if first and self._delay_s:
            self._stop_at = time.monotonic() + self._delay_s
            self.should_exit = False

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn calls ten times a second."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


def run_server(app: FastAPI, serving: ServingSettings) -> None:
    """Listen until a signal comes."""
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
    DrainingServer(config, app=app, delay_s=serving.drain_delay_s).run()
