"""The API as a container of docker or podman, which restarts it, checks it and keeps its log.

It is known by its name and a label; a container of that name without the label is someone else's.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

from common.config.schema import Settings
from common.config.settings import ROOT, environment_of
from common.errors import TriageError
from common.models.registry import POINTER, model_folder, served_files
from common.stage.manifest import MANIFEST

Engine = Literal["docker", "podman"]
NAME = IMAGE = "message-triage-api"
LABEL = "message-triage.key"
_PROBE_S, _LONGEST_S = 20, 900
# What the server inside is given; the other settings are about this machine.
_GIVEN = re.compile("TRIAGE_(SERVING|STORE)__(?!HOST|PORT|ENGINE|START_TIMEOUT_S|MODEL_SOURCE)")


def find_engine(wanted: Literal["auto", "docker", "podman", "venv"]) -> Engine | None:
    """The engine that is wanted, of two the first that answers; a TriageError where it does not."""
    engines: tuple[Engine, ...] = ("docker", "podman")
    for engine in engines:
        if wanted in ("auto", engine) and _run(engine, "ps", timeout=_PROBE_S) is not None:
            return engine
    if wanted in engines:
        raise TriageError(f"{wanted} does not answer; start it, or --set serving.engine=venv")
    return None


def build_image(engine: Engine, settings: Settings, *, model_id: str, log: Path) -> None:
    """Build the image from a folder that holds the code and the production model, nothing else.

    Raises:
        TriageError: with the place of the build's output, if it fails.
    """
    context = settings.paths.cache / "image"
    _fill_context(context, settings.served_models, model_id=model_id)
    command = ["build", "--tag", IMAGE]
    if engine == "podman":
        command += ["--format", "docker"]  # its own format has no health check
    if certificates := os.environ.get("PIP_CERT"):  # of a proxy with an authority of its own
        command += ["--secret", f"id=ca,src={certificates}"]
    environ = os.environ | {"DOCKER_BUILDKIT": "1"}  # the default since Docker 23
    with log.open("w", encoding="utf-8") as out:
        built = _run(engine, *command, str(context), stdout=out, stderr=out, env=environ)
    if built is None:
        raise TriageError(f"{engine} build failed; its output is in {log}")


def run_container(engine: Engine, settings: Settings, *, key: str) -> None:
    """Start the container, detached, without rights that serving does not need."""
    serving = settings.serving
    command = ["run", "--detach", "--name", NAME, "--label", f"{LABEL}={key}"]
    command += ["--publish", f"{serving.host}:{serving.port}:8000", "--restart", "on-failure:3"]
    command += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    given = {name: value for name, value in environment_of(settings).items() if _GIVEN.match(name)}
    for name in given:  # by name alone: everybody may read a command line
        command += ["--env", name]
    if _run(engine, *command, IMAGE, env=os.environ | given) is None:
        raise TriageError(f"{engine} cannot run the image; try: {engine} run --rm {IMAGE}")


def find_container(engine: Engine) -> tuple[bool, str] | None:
    """Whether our container runs, and its key; None where there is none.

    Raises:
        TriageError: if a container of our name does not have our label.
    """
    form = '{{.State.Running}} {{index .Config.Labels "' + LABEL + '"}}'
    shown = _run(engine, "container", "inspect", "--format", form, NAME)
    if shown is None:
        return None
    running, _, key = shown.strip().partition(" ")
    if key in ("", "<no value>"):
        raise TriageError(
            f"a container named {NAME} was not started by this project; rename it: "
            f"{engine} rename {NAME} other-name"
        )
    return running == "true", key


def remove_container(engine: Engine, *, patience_s: float) -> None:
    """Stop our container, which may finish what it answers in so many seconds, and remove it."""
    if find_container(engine) is not None:
        _run(engine, "stop", "-t", f"{patience_s:.0f}", NAME)
        _run(engine, "rm", "--force", NAME)


def last_lines(engine: Engine, count: int) -> str:
    """What the container wrote last."""
    return _run(engine, "logs", "--tail", str(count), NAME, stderr=subprocess.STDOUT) or ""


def _fill_context(context: Path, models: Path, *, model_id: str) -> None:
    shutil.rmtree(context, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("common", "conf", "e_apification"):
        shutil.copytree(ROOT / name, context / name, ignore=unwanted)
    inside, model = context / "models" / model_id, model_folder(models, model_id)
    inside.mkdir(parents=True)
    for path in (MANIFEST, *served_files(model)):
        shutil.copy(model / path, inside)
    shutil.copy(models / POINTER, inside.parent)
    for name in ("Dockerfile", "requirements_docker.txt"):
        shutil.copy(ROOT / name, context)


def _run(engine: Engine, *arguments: str, **options: Any) -> str | None:
    """What an engine's command prints, or None where it fails; options of subprocess.run."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "timeout": _LONGEST_S}
    try:
        done = subprocess.run([engine, *arguments], text=True, check=True, **(usual | options))
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout or ""
