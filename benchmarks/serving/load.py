"""Load on one server: wrk where it is installed (Debian: apt-get install wrk), else asyncio.

Both keep a number of connections busy with POST requests whose bodies differ.
"""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

# wrk reads requests from this script and, at the end, prints what it counted as JSON.
_LUA = """
local bodies = {%s}
local turn = 0
request = function()
  turn = turn + 1
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"},
                    bodies[turn %% #bodies + 1])
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "errors": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Load(NamedTuple):
    """What came back: requests a second, milliseconds, and answers other than 2xx."""

    client: str
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def put_load(
    port: int, path: str, bodies: Sequence[Any], *, connections: int, seconds: float
) -> Load:
    """Keep ``connections`` busy for ``seconds``; bodies: what is sent as JSON, in turn."""
    sent = [json.dumps(body) for body in bodies]
    if shutil.which("wrk"):
        return _wrk(port, path, sent, connections=connections, seconds=seconds)
    return asyncio.run(_asyncio(port, path, sent, connections=connections, seconds=seconds))


def _wrk(port: int, path: str, bodies: Sequence[str], *, connections: int, seconds: float) -> Load:
    quoted = ", ".join(f"[==[{body}]==]" for body in bodies)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_LUA % (quoted, path), encoding="utf-8")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s"]
        shown = subprocess.run(
            [*command, "-s", str(script), f"http://127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    line = next(line for line in shown.splitlines() if line.startswith("RESULT "))
    return Load(client="wrk", **json.loads(line.removeprefix("RESULT ")))


async def _asyncio(
    port: int, path: str, bodies: Sequence[str], *, connections: int, seconds: float
) -> Load:
    latencies: list[float] = []
    errors = 0
    deadline = time.perf_counter() + seconds

    async def connection(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.perf_counter() < deadline:
            turn += connections
            body = bodies[turn % len(bodies)].encode()
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            started = time.perf_counter()
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
            errors += not answer.startswith(b"http/1.1 2")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection(i) for i in range(connections)))
    took = time.perf_counter() - started
    ordered = sorted(latencies)
    p50, p99 = (1e3 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return Load("asyncio client", len(ordered), took, p50, p99, errors)
