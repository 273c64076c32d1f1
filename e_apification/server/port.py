"""The port that the API listens on, and the program that is in its way."""

import socket
from contextlib import suppress

from common.errors import TriageError


def listen(host: str, port: int) -> socket.socket:
    """Open a socket for connections.

    Raises:
        TriageError: naming the program that holds the port, as far as it can be seen.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise TriageError(
            f"port {port} of {host} is not free: {_holder(port) or error.strerror}; stop that "
            f"program, or choose another port: make run_api PORT={port + 1}, or "
            f"--set serving.port={port + 1}"
        ) from None


def _holder(port: int) -> str | None:
    try:
        import psutil  # not in the image, where nobody else listens
    except ImportError:
        return None
    with suppress(psutil.Error):
        for found in psutil.net_connections("tcp"):
            listens = found.status == psutil.CONN_LISTEN
            if listens and found.laddr and found.laddr.port == port:
                name = psutil.Process(found.pid).name() if found.pid else "a program"
                return f"{name} (pid {found.pid or 'unknown'}) holds it"
    return None
