"""The API as a container of docker or podman, which restarts it, checks it and keeps its log.

Ours are those with our label; no other container is ever touched.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal, get_args

from common.config.schema import Settings
from common.config.settings import ROOT, environment_of
from common.errors import TriageError
from common.models.registry import POINTER, model_folder, served_files
from common.stage.manifest import MANIFEST

Engine = Literal["docker", "podman"]
NAME = IMAGE = "message-triage-api"
LABEL = "message-triage.key"
# What the server inside is given; the other settings are about this machine.
_GIVEN = re.compile("TRIAGE_(SERVING|STORE)__(?!HOST|PORT|ENGINE|START_TIMEOUT_S|MODEL_SOURCE)")


def find_engine(wanted: Literal["auto", "docker", "podman", "venv"]) -> Engine | None:
    """The engine that is wanted, of two the first that answers; a TriageError where it does not."""
    tried: list[Engine] = [name for name in get_args(Engine) if wanted in ("auto", name)]
    found = next((engine for engine in tried if _run(engine, "ps", timeout=20)[0]), None)
    if found is None and wanted in tried:
        raise TriageError(f"{wanted} does not answer; start it, or --set serving.engine=venv")
    return found


def build_image(engine: Engine, settings: Settings, *, model_id: str, log: Path) -> None:
    """Build the image from a folder with the code and the model that serves, nothing else.

    Raises:
        TriageError: naming ``log``, where the build's output is.
    """
    context, models = settings.paths.cache / "image", settings.served_models
    shutil.rmtree(context, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.csv")  # as .dockerignore has it
    for name in ("common", "conf", "e_apification"):
        shutil.copytree(ROOT / name, context / name, ignore=unwanted)
    for name in ("Dockerfile", "requirements_docker.txt"):
        shutil.copy(ROOT / name, context)
    model, inside = model_folder(models, model_id), context / "models" / model_id
    inside.mkdir(parents=True)
    for name in (MANIFEST, *served_files(model)):
        shutil.copy(model / name, inside)
    shutil.copy(models / POINTER, inside.parent)
    # Podman's own format has no health check; a proxy may have a certificate authority of its own.
    form = ["--format", "docker"] if engine == "podman" else []
    secret = [f"--secret=id=ca,src={ca}"] if (ca := os.environ.get("PIP_CERT")) else []
    command = ["build", "--tag", IMAGE, *form, *secret, str(context)]
    environ = os.environ | {"DOCKER_BUILDKIT": "1"}  # the default since Docker 23
    with log.open("w", encoding="utf-8") as out:
        built, _ = _run(engine, *command, stdout=out, stderr=out, env=environ)
    if not built:
        raise TriageError(f"{engine} build failed; its output is in {log}")


def run_container(engine: Engine, settings: Settings, *, key: str) -> None:
    """Start it with no more rights than it needs; a TriageError with what the engine says."""
    place = f"{settings.serving.host}:{settings.serving.port}:8000"
    command = ["run", "--detach", "--name", NAME, "--label", f"{LABEL}={key}", "--publish", place]
    command += ["--restart", "on-failure:3", "--read-only", "--cap-drop", "ALL"]
    command += ["--security-opt", "no-new-privileges"]
    given = {name: value for name, value in environment_of(settings).items() if _GIVEN.match(name)}
    command += [f"--env={name}" for name in given]  # no values: everybody may read a command line
    runs, printed = _run(engine, *command, IMAGE, env=os.environ | given, stderr=subprocess.STDOUT)
    if not runs:
        raise TriageError(f"{engine} cannot run {IMAGE}: {printed.strip()}")


def is_running(engine: Engine, *, key: str) -> bool:
    """Whether our container runs that was started with this key."""
    return all(_run(engine, "ps", "--quiet", "--filter", f"label={LABEL}={key}"))


def remove_container(engine: Engine, *, patience_s: float) -> None:
    """Stop our container, which may finish what it answers in so many seconds, and remove it."""
    for found in _run(engine, "ps", "--all", "--quiet", "--filter", f"label={LABEL}")[1].split():
        _run(engine, "stop", "-t", f"{patience_s:.0f}", found)
        _run(engine, "rm", "--force", found)


def last_lines(engine: Engine) -> str:
    """What the container wrote last."""
    return _run(engine, "logs", "--tail", "5", NAME, stderr=subprocess.STDOUT)[1]


def _run(engine: Engine, *arguments: str, **options: Any) -> tuple[bool, str]:
    """Whether an engine's command succeeds, and what it prints; options of subprocess.run."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "timeout": 900}
    try:
        done = subprocess.run([engine, *arguments], **usual | options)  # noqa: S603 a command of ours
    except (OSError, subprocess.TimeoutExpired):
        return False, ""
    return done.returncode == 0, done.stdout or ""
