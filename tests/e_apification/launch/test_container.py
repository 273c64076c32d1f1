"""The container path against stand-ins for docker and podman that note how they are called."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.config.store import StoreSettings
from common.errors import TriageError
from e_apification.launch import container
from e_apification.launch.running import Running

MODEL_ID = "0123456789ab"
Engine = Callable[..., Path]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Put a program on PATH that notes its arguments, then does what ``script`` says of them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))  # no engine of this machine is on it
    monkeypatch.delenv("PIP_CERT", raising=False)

    def make(name: str, script: str = "exit 0") -> Path:
        program, notes = folder / name, tmp_path / f"{name}.calls"
        program.write_text(f'#!/bin/sh\necho "$*" >> {notes}\n{script}\n', encoding="utf-8")
        program.chmod(0o755)
        return notes

    return make


def calls(notes: Path) -> list[str]:
    return notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []


def test_docker_comes_before_podman(engine: Engine) -> None:
    engine("docker")
    engine("podman")
    assert container.find_engine("auto") == "docker"
    assert container.find_engine("podman") == "podman"
    assert container.find_engine("venv") is None


def test_an_engine_that_does_not_answer_is_none(engine: Engine) -> None:
    engine("docker", "exit 1")
    assert container.find_engine("auto") is None
    engine("podman")
    assert container.find_engine("auto") == "podman"
    with pytest.raises(TriageError, match=r"docker does not answer; .*serving.engine=venv"):
        container.find_engine("docker")


@pytest.mark.parametrize("served", ["model.int8.onnx", "model.onnx"])
def test_the_image_is_built_from_code_and_the_served_files_alone(
    engine: Engine, make_models: Callable[..., Path], served: str, tmp_path: Path
) -> None:
    notes = engine("podman")
    settings = Settings(run_dir=tmp_path)
    settings.paths.models.symlink_to(make_models(served=served))
    settings.paths.cache.mkdir()
    container.build_image("podman", settings, model_id=MODEL_ID, log=tmp_path / "log")
    context = settings.paths.cache / "image"
    assert calls(notes) == [f"build --tag message-triage-api --format docker {context}"]
    assert sorted(p.name for p in context.iterdir()) == [
        "Dockerfile",
        "common",
        "conf",
        "e_apification",
        "models",
        "requirements_docker.txt",
    ]
    files = ["labels.yaml", "manifest.json", "metrics.json", served, "tokenizer.json"]
    assert sorted(p.name for p in (context / "models" / MODEL_ID).iterdir()) == files
    assert list(context.rglob("*.csv")) == []
    pointer = json.loads((context / "models" / "production.json").read_text())
    assert pointer == {"model_id": MODEL_ID}


def test_a_failed_build_says_where_its_output_is(
    engine: Engine, models_dir: Path, tmp_path: Path
) -> None:
    engine("docker", "echo no space left; exit 1")
    settings = Settings(run_dir=tmp_path)
    settings.paths.models.symlink_to(models_dir)
    log = tmp_path / "build.log"
    with pytest.raises(TriageError, match=r"docker build failed; its output is in .*build\.log"):
        container.build_image("docker", settings, model_id=MODEL_ID, log=log)
    assert log.read_text() == "no space left\n"


def test_the_container_gets_its_label_its_port_its_settings_and_few_rights(
    engine: Engine, tmp_path: Path
) -> None:
    notes = engine(
        "docker", f'echo "$TRIAGE_SERVING__MAX_TEXTS $TRIAGE_STORE__URL" > {tmp_path}/env'
    )
    settings = Settings(
        serving=ServingSettings(host="127.0.0.1", port=8123, max_texts=7),
        store=StoreSettings(url=SecretStr("postgresql://ada:hidden@db/x")),
    )
    container.run_container("docker", settings, key="abc")
    call = calls(notes)[0]
    assert call.startswith(
        "run --detach --name message-triage-api --label message-triage.key=abc "
        "--publish 127.0.0.1:8123:8000 --restart on-failure:3 --read-only --cap-drop ALL "
        "--security-opt no-new-privileges --env="
    )
    names = call.split(" --env=")[1:]
    assert {"TRIAGE_SERVING__MAX_TEXTS", "TRIAGE_STORE__URL"} <= set(names)
    assert {"TRIAGE_SERVING__PORT", "TRIAGE_SERVING__HOST", "TRIAGE_RUN_DIR"}.isdisjoint(names)
    assert "hidden" not in call
    assert (tmp_path / "env").read_text() == "7 postgresql://ada:hidden@db/x\n"
    assert call.endswith(" message-triage-api")


def test_our_containers_are_removed_and_no_others(engine: Engine) -> None:
    ours = "ps --all --quiet --filter label=message-triage.key"
    notes = engine("docker", f'if [ "$*" = "{ours}" ]; then echo 1a2b; echo 3c4d; fi')
    container.remove_container("docker", patience_s=15)
    assert calls(notes) == [
        ours, "stop -t 15 1a2b", "rm --force 1a2b", "stop -t 15 3c4d", "rm --force 3c4d",
    ]  # fmt: skip


def test_a_container_of_our_name_that_is_not_ours_is_named_and_left_alone(engine: Engine) -> None:
    said = "the name message-triage-api is in use, remove or rename that container"
    notes = engine("docker", f'case "$1" in run) echo {said} >&2; exit 125;; esac')
    container.remove_container("docker", patience_s=15)
    with pytest.raises(TriageError, match=f"docker cannot run message-triage-api: {said}"):
        container.run_container("docker", Settings(), key="abc")
    assert [call.split()[0] for call in calls(notes)] == ["ps", "run"]


@pytest.mark.parametrize(
    ("script", "alive"), [("echo 1a2b", True), ("exit 0", False), ("echo 1a2b; exit 1", False)]
)
def test_a_container_is_alive_while_one_with_its_key_runs(
    engine: Engine, script: str, alive: bool
) -> None:
    notes = engine("podman", script)
    assert Running(kind="podman", key="abc").is_alive() is alive
    assert calls(notes) == ["ps --quiet --filter label=message-triage.key=abc"]


def test_a_certificate_bundle_of_pip_reaches_the_build(
    engine: Engine, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = engine("docker", 'test "$DOCKER_BUILDKIT" = 1')
    monkeypatch.setenv("PIP_CERT", "/etc/ssl/bundle.crt")
    settings = Settings(run_dir=tmp_path)
    settings.paths.models.symlink_to(models_dir)
    settings.paths.cache.mkdir()
    container.build_image("docker", settings, model_id=MODEL_ID, log=tmp_path / "log")
    assert "--secret=id=ca,src=/etc/ssl/bundle.crt" in calls(notes)[0]
    assert os.environ["PIP_CERT"] == "/etc/ssl/bundle.crt"
