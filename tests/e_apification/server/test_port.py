"""Opening the port: a program that holds it is named."""

import os
import socket

import pytest

from common.errors import TriageError
from e_apification.server.port import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 all of them is the case
def test_a_free_port_is_free_and_a_held_one_is_not(host: str) -> None:
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        holder = rf"\(pid {os.getpid()}\) holds it"
        with pytest.raises(TriageError, match=rf"port {port} .* is not free: .*{holder}"):
            listen(host, port)
    listen(host, port).close()
