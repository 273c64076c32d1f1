"""A local stand-in for Kaggle: the calls that its client makes, and the storage behind them.

The client posts to /v1/datasets.DatasetApiService/DownloadDataset and is redirected to a signed
address on another host name; what each of the two answers next can be set.
"""

import io
import json
import threading
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DATASET = "owner/support-messages"
DOWNLOAD = "/v1/datasets.DatasetApiService/DownloadDataset"
RENEW = "/v1/users.AccountService/GenerateAccessToken"
SIGNATURE = "SIGNED-7f3a9c"
ETAG = '"version-1"'
TWCS = b"tweet_id,text\n" + b"".join(b"%d,message number %d\n" % (n, n * 7) for n in range(20_000))


def make_archive(content: bytes = TWCS, *, name: str = "twcs/twcs.csv") -> bytes:
    """A zip with the wanted file and another, stored, so that bytes in it can be changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("sample.csv", "tweet_id,text\n1,only a sample\n")
        archive.writestr(name, content)
    return out.getvalue()


@dataclass
class Status:
    """Answer with an error, as Kaggle words it."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Cut:
    """Break the connection after so many bytes of the body."""

    after: int


@dataclass
class Stall:
    """Send so many bytes, then nothing until ``server.go_on`` is set."""

    after: int


@dataclass
class NoRange:
    """Ignore the Range header."""


@dataclass
class Announce:
    """Send these headers instead of the right ones."""

    headers: dict[str, str]


@dataclass
class Seen:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class KaggleServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive = make_archive()
        self.etag = ETAG
        self.api: deque[Status] = deque()
        self.storage: deque[Status | Cut | Stall | NoRange | Announce] = deque()
        self.requests: list[Seen] = []
        self.go_on = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def signed(self) -> str:
        return f"http://localhost:{self.server_port}/storage/archive.zip?X-Sig={SIGNATURE}"

    def seen(self, method: str) -> list[Seen]:
        return [request for request in self.requests if request.method == method]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the play."""


class Handler(BaseHTTPRequestHandler):
    server: KaggleServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._note(json.loads(body))
        if self.path == RENEW:
            answer = json.dumps({"token": "renewed-token-5512", "expiresIn": 3600})
            self._answer(200, {"Content-Type": "application/json"}, answer.encode())
        elif self.path != DOWNLOAD:
            self._fail(Status(404))
        elif self.server.api:
            self._fail(self.server.api.popleft())
        else:
            self._answer(302, {"Location": self.server.signed}, b"")

    def do_GET(self) -> None:
        self._note({})
        play = self.server.storage.popleft() if self.server.storage else None
        if isinstance(play, Status):
            self._fail(play)
            return
        body, total = self.server.archive, len(self.server.archive)
        status, headers = 200, {"ETag": self.server.etag, "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range", "")
        may = self.headers.get("If-Range") in (None, self.server.etag)
        if wanted and may and not isinstance(play, NoRange):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= total:
                self._answer(416, {"Content-Range": f"bytes */{total}"}, b"")
                return
            status, body = 206, body[start:]
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        if isinstance(play, Announce):
            headers |= play.headers
        sent = play.after if isinstance(play, Cut | Stall) else len(body)
        self._answer(status, headers, body, sent=sent)
        if isinstance(play, Stall):
            self.server.go_on.wait(60)

    def _note(self, body: dict[str, Any]) -> None:
        seen = Seen(self.command, self.path, dict(self.headers), body)
        self.server.requests.append(seen)

    def _fail(self, status: Status) -> None:
        body = json.dumps({"code": status.code, "message": f"no, because {SIGNATURE}"}).encode()
        self._answer(status.code, {"Content-Type": "application/json", **status.headers}, body)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, sent: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if sent is None else body[:sent])
        self.wfile.flush()
        self.close_connection = True


@contextmanager
def serve() -> Iterator[KaggleServer]:
    server = KaggleServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
