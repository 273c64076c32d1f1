"""HEAD wherever there is GET: the same status and headers, and no body.

Plain ASGI, outside of everything else: what lies inside answers, counts and logs a GET.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        # The server below goes by its own scope, which stays that of a HEAD.
        await self._app(dict(scope, method="GET"), receive, send_head)
