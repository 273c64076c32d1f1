"""The image, built and run with the engine that is at hand: `make container_test`."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config.settings import ROOT
from e_apification.launch import container
from tests.clock import scaled
from tests.e_apification.learning import ENTRY, WITH_KEY
from tests.e_apification.servers import free_port
from tests.postgresql import emptied

pytestmark = [pytest.mark.container, pytest.mark.timeout(1200)]
IMAGE = "message-triage-test"
MODEL_ID = "0123456789ab"
LIMIT_MB = 300
# The model of the tests weighs nothing; this is the student of the sample profile.
MODEL_MB = 24


@pytest.fixture(scope="module")
def engine() -> container.Engine:
    found = container.find_engine("auto")
    if found is None:
        pytest.skip("no docker or podman on PATH that answers")
    return found


@pytest.fixture(scope="module")
def checkout(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone has after a run: the code, and models/ with more in it than serving needs."""
    folder = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("common", "conf", "e_apification"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in ("Dockerfile", ".dockerignore", "requirements_docker.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(models_dir, folder / "models")
    (folder / "models" / MODEL_ID / "model.onnx").write_bytes(b"x" * 1000)
    return folder


def run(engine: str, *arguments: str, timeout_s: float = 120) -> str:
    done = subprocess.run([engine, *arguments], capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


def build(engine: str, checkout: Path, *options: str, tag: str) -> None:
    command = ["build", "--tag", tag]
    command += ["--format", "docker"] if engine == "podman" else []
    certificates = os.environ.get("PIP_CERT")
    command += ["--secret", f"id=ca,src={certificates}"] if certificates else []
    run(engine, *command, *options, str(checkout), timeout_s=900)


@pytest.fixture(scope="module")
def image(engine: container.Engine, checkout: Path) -> Iterator[str]:
    build(engine, checkout, tag=IMAGE)
    yield IMAGE
    run(engine, "rmi", "--force", IMAGE)


@pytest.fixture
def bare_image(engine: container.Engine, checkout: Path, image: str) -> Iterator[str]:
    """Without a model; its layers are those of ``image``."""
    build(engine, checkout, "--target", "server", tag=f"{IMAGE}-bare")
    yield f"{IMAGE}-bare"
    run(engine, "rmi", "--force", f"{IMAGE}-bare")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def name(engine: container.Engine) -> Iterator[str]:
    yield "message-triage-test"
    subprocess.run([engine, "rm", "--force", "message-triage-test"], capture_output=True)


def ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json", **WITH_KEY},
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert time.monotonic() < deadline, f"{path} does not answer"
            time.sleep(0.2)


def test_the_image_is_small_and_has_no_build_tools(engine: container.Engine, image: str) -> None:
    size = int(run(engine, "image", "inspect", "--format", "{{.Size}}", image))
    assert size / 1e6 + MODEL_MB < LIMIT_MB
    look = "for tool in gcc cc g++ make ld strip git curl; do command -v $tool; done; true"
    assert run(engine, "run", "--rm", image, "sh", "-c", look) == ""
    page = run(engine, "run", "--rm", image, "ls", "e_apification/static")
    assert {"index.html", "main.js", "page.css"} <= set(page.split())
    packages = run(engine, "run", "--rm", image, "ls", "/opt/venv/lib/python3.11/site-packages")
    unwanted = {"pip", "torch", "transformers", "pyspark", "pandas", "huggingface_hub"}
    assert unwanted.isdisjoint(packages.split())


def test_the_image_holds_of_the_model_what_serving_needs(
    engine: container.Engine, image: str
) -> None:
    files = run(engine, "run", "--rm", image, "find", "models", "-type", "f").split()
    assert sorted(files) == [
        f"models/{MODEL_ID}/labels.yaml",
        f"models/{MODEL_ID}/manifest.json",
        f"models/{MODEL_ID}/metrics.json",
        f"models/{MODEL_ID}/model.int8.onnx",
        f"models/{MODEL_ID}/tokenizer.json",
        "models/production.json",
    ]


def test_it_serves_without_root_on_a_file_system_that_it_cannot_write(
    engine: container.Engine, image: str, name: str, port: int
) -> None:
    rights = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    publish = ["--publish", f"127.0.0.1:{port}:8000"]
    run(engine, "run", "--detach", "--name", name, *rights, *publish, image)
    assert ask(port, "/health") == {"status": "ok"}
    assert ask(port, "/ready") == {"status": "ready", "model_id": MODEL_ID}
    assert ask(port, "/predict", {"text": "refund"})["label"] == "billing"
    assert run(engine, "exec", name, "id", "-u") == "10001"
    check = run(engine, "container", "inspect", "--format", "{{json .Config.Healthcheck}}", name)
    assert "/health" in check
    if engine == "podman":
        run(engine, "healthcheck", "run", name)
    started = time.monotonic()
    run(engine, "stop", "-t", "20", name)
    assert time.monotonic() - started < scaled(15)  # it obeys the first signal


def test_a_mounted_model_is_served_by_an_image_that_has_none(
    engine: container.Engine, bare_image: str, name: str, port: int, models_dir: Path
) -> None:
    mount = ["--volume", f"{models_dir}:/app/models:ro"]
    publish = ["--publish", f"127.0.0.1:{port}:8000"]
    run(engine, "run", "--detach", "--name", name, *mount, *publish, bare_image)
    assert ask(port, "/predict", {"text": "parcel"})["label"] == "delivery"


def test_what_it_was_taught_outlives_it_in_postgresql(
    engine: container.Engine, image: str, name: str, port: int, postgresql: str
) -> None:
    # On the host's network, for the database of the tests listens on the loopback address alone.
    settings = {
        "DATABASE_URL": emptied(postgresql),
        "TRIAGE_SERVING__API_KEYS": json.dumps([ENTRY]),
        "TRIAGE_SERVING__PORT": str(port),
    }
    options = ["--read-only", "--network", "host"]
    options += [part for item in settings.items() for part in ("--env", "=".join(item))]
    rows = {"rows": [{"text": "where is my parcel", "label": "delivery"}]}

    run(engine, "run", "--detach", "--name", name, *options, image)
    assert ask(port, "/add_data", rows)["batch"] == 1
    run(engine, "kill", name)
    run(engine, "rm", name)
    run(engine, "run", "--detach", "--name", name, *options, image)
    assert ask(port, "/add_data", rows)["batch"] == 2
