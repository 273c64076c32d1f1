"""The API as a container of docker or podman, which restarts it, checks it and keeps its log.

Ours are those with our label; no other container is ever touched.
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
        if wanted in ("auto", engine) and _run(engine, "ps", timeout=_PROBE_S)[0]:
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
        built, _ = _run(engine, *command, str(context), stdout=out, stderr=out, env=environ)
    if not built:
        raise TriageError(f"{engine} build failed; its output is in {log}")


def run_container(engine: Engine, settings: Settings, *, key: str) -> None:
    """Start the container, detached, without rights that serving does not need.

    Raises:
        TriageError: with what the engine says, as where the name is another container's.
    """
    serving = settings.serving
    command = ["run", "--detach", "--name", NAME, "--label", f"{LABEL}={key}"]
    command += ["--publish", f"{serving.host}:{serving.port}:8000", "--restart", "on-failure:3"]
    command += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    given = {name: value for name, value in environment_of(settings).items() if _GIVEN.match(name)}
    for name in given:  # by name alone: everybody may read a command line
        command += ["--env", name]
    runs, printed = _run(engine, *command, IMAGE, env=os.environ | given)
    if not runs:
        raise TriageError(f"{engine} cannot run {IMAGE}: {printed.strip()}")


def is_running(engine: Engine, *, key: str) -> bool:
    """Whether our container runs that was started with this key."""
    return bool(_run(engine, "ps", "--quiet", "--filter", f"label={LABEL}={key}")[1])


def remove_container(engine: Engine, *, patience_s: float) -> None:
    """Stop our container, which may finish what it answers in so many seconds, and remove it."""
    for found in _run(engine, "ps", "--all", "--quiet", "--filter", f"label={LABEL}")[1].split():
        _run(engine, "stop", "-t", f"{patience_s:.0f}", found)
        _run(engine, "rm", "--force", found)


def last_lines(engine: Engine, count: int) -> str:
    """What the container wrote last."""
    return _run(engine, "logs", "--tail", str(count), NAME, stderr=subprocess.STDOUT)[1]


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


def _run(engine: Engine, *arguments: str, **options: Any) -> tuple[bool, str]:
    """Whether an engine's command succeeds, and what it prints; options of subprocess.run."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": _LONGEST_S}
    try:
        done = subprocess.run(  # noqa: S603 a command of our own
            [engine, *arguments], text=True, check=True, **(usual | options)
        )
    except subprocess.CalledProcessError as error:
        return False, error.stderr or ""
    except (OSError, subprocess.TimeoutExpired):
        return False, ""
    return True, done.stdout or ""
