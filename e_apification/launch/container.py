"""The API as a container: find an engine that answers, build the image, run it, remove it.

The container is known by its name and a label; one of that name without the label is someone
else's and is left alone.
"""

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from common.config.schema import Settings
from common.config.settings import ROOT
from common.errors import TriageError
from common.models.registry import POINTER, model_folder, served_files
from common.stage.manifest import MANIFEST

Engine = Literal["docker", "podman"]
NAME = IMAGE = "message-triage-api"
LABEL = "message-triage.key"
_PORT = 8000  # inside the container
_PROBES: dict[Engine, list[str]] = {
    "docker": ["version", "--format", "{{.Server.Version}}"],
    "podman": ["info"],
}
_PROBE_S = 20
_BUILD_S = 900
_RUN_S = 60
# What the server is told inside the container; the rest is about this machine.
_OUTSIDE = {"host", "port", "engine", "start_timeout_s", "model_source"}
logger = logging.getLogger(__name__)


def find_engine(wanted: Literal["auto", "docker", "podman", "venv"]) -> Engine | None:
    """The first engine that really answers, of docker and podman or of the one that is wanted.

    Raises:
        TriageError: if the one engine that was asked for does not answer.
    """
    if wanted == "venv":
        return None
    tried: tuple[Engine, ...] = get_args(Engine) if wanted == "auto" else (wanted,)
    for engine in tried:
        if shutil.which(engine) and _run(engine, *_PROBES[engine], timeout_s=_PROBE_S) is not None:
            return engine
    if wanted == "auto":
        return None
    raise TriageError(
        f"{wanted} does not answer; start it, or take another: --set serving.engine=venv"
    )


def build_image(engine: Engine, settings: Settings, *, model_id: str, log: Path) -> None:
    """Build the image from a folder that holds the code and the production model, nothing else.

    Raises:
        TriageError: with the place of the build's output, if it fails.
    """
    context = settings.paths.cache / "image"
    shutil.rmtree(context, ignore_errors=True)
    _fill_context(context, settings.served_models, model_id=model_id)
    command = [engine, "build", "--tag", IMAGE]
    if engine == "podman":
        command += ["--format", "docker"]  # its own format has no health check
    if os.environ.get("PIP_CERT"):  # behind a proxy with an authority of its own, pip needs it
        command += ["--secret", f"id=ca,src={os.environ['PIP_CERT']}"]
    command.append(str(context))
    logger.info("building the image %s with %s (about a minute the first time)", IMAGE, engine)
    with log.open("w", encoding="utf-8") as output:
        try:
            built = subprocess.run(  # noqa: S603 a command of our own
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_BUILD_S,
                env=os.environ | {"DOCKER_BUILDKIT": "1"},  # the default since Docker 23
            )
        except subprocess.TimeoutExpired:
            raise TriageError(
                f"{engine} build took more than {_BUILD_S} s; its output is in {log}"
            ) from None
    if built.returncode:
        raise TriageError(f"{engine} build failed; its output is in {log}")


def run_container(engine: Engine, settings: Settings, *, key: str) -> None:
    """Start the container, detached, without rights that serving does not need.

    Raises:
        TriageError: if the engine refuses.
    """
    serving = settings.serving
    command = ["run", "--detach", "--name", NAME, "--label", f"{LABEL}={key}"]
    command += ["--publish", f"{serving.host}:{serving.port}:{_PORT}"]
    command += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    chosen = serving.model_dump(mode="json", exclude=_OUTSIDE, exclude_none=True)
    for name, value in chosen.items():
        command += ["--env", f"TRIAGE_SERVING__{name.upper()}={json.dumps(value)}"]
    secrets = {}
    if settings.store.url is not None:  # by name alone: everybody may read a command line
        command += ["--env", "DATABASE_URL"]
        secrets["DATABASE_URL"] = settings.store.url.get_secret_value()
    if _run(engine, *command, IMAGE, timeout_s=_RUN_S, environ=secrets) is None:
        raise TriageError(f"{engine} cannot run the image; try: {engine} run --rm {IMAGE}")


def running_key(engine: Engine) -> str | None:
    """The key that our running container was started with; None where none runs."""
    form = '{{.State.Running}} {{index .Config.Labels "' + LABEL + '"}}'
    shown = _run(engine, "container", "inspect", "--format", form, NAME, timeout_s=_PROBE_S)
    running, _, key = (shown or "").strip().partition(" ")
    return key if running == "true" else None


def remove_container(engine: Engine, *, patience_s: float) -> bool:
    """Stop and remove our container, running or not; whether there was one.

    Args:
        engine: whose container it is.
        patience_s: seconds that it has to finish what it answers.

    Raises:
        TriageError: if a container of our name does not have our label.
    """
    form = '{{index .Config.Labels "' + LABEL + '"}}'
    shown = _run(engine, "container", "inspect", "--format", form, NAME, timeout_s=_PROBE_S)
    if shown is None:
        return False
    if shown.strip() in ("", "<no value>"):
        raise TriageError(
            f"a container named {NAME} was not started by this project; rename it: "
            f"{engine} rename {NAME} other-name"
        )
    _run(engine, "stop", "-t", f"{patience_s:.0f}", NAME, timeout_s=_RUN_S + patience_s)
    _run(engine, "rm", "--force", NAME, timeout_s=_RUN_S)
    return True


def last_lines(engine: Engine, count: int) -> str:
    """What the container wrote last."""
    shown = subprocess.run(  # noqa: S603 a command of our own
        [engine, "logs", "--tail", str(count), NAME],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PROBE_S,
    )
    return shown.stdout


def _fill_context(context: Path, models: Path, *, model_id: str) -> None:
    context.mkdir(parents=True)
    for name in ("Dockerfile", "requirements_docker.txt"):
        shutil.copy(ROOT / name, context / name)
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for package in ("common", "conf", "e_apification"):
        shutil.copytree(ROOT / package, context / package, ignore=unwanted)
    folder = context / "models" / model_id
    folder.mkdir(parents=True)
    pointer = json.dumps({"model_id": model_id})
    (context / "models" / POINTER).write_text(pointer + "\n", encoding="utf-8")
    source = model_folder(models, model_id)
    for name in (MANIFEST, *served_files(source)):
        shutil.copy(source / name, folder / name)


def _run(
    engine: Engine, *arguments: str, timeout_s: float, environ: Mapping[str, str] | None = None
) -> str | None:
    """Standard output of an engine's command, or None where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 a command of our own
            [engine, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=os.environ | dict(environ or {}),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
