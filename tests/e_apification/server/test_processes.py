"""Several server processes that cannot start say why, as one does."""

import socket
from pathlib import Path

import pytest

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.errors import TriageError
from e_apification.__main__ import main
from e_apification.server.processes import run_processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_named(models_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = Settings(
            run_dir=models_dir.parent, serving=ServingSettings(processes=2, port=port)
        )
        with pytest.raises(TriageError, match=f"port {port} of 127.0.0.1 is not free: .* holds it"):
            run_processes(settings)


@pytest.mark.slow
def test_without_a_model_none_is_started(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = [f"run_dir={tmp_path}", f"serving.port={free_port()}", "serving.processes=2"]
    assert main([part for item in given for part in ("--set", item)]) == 1
    said = capfd.readouterr().err
    assert said.count("no model was promoted") == 1
    assert "the server cannot start; the lines above say why" in said
