"""compose.yaml under podman: images, stand-ins for those of a registry, containers, requests.

podman-compose makes the containers, so what is shown is that compose.yaml says what it should. They
are started here, in the order of depends_on and once their health checks pass: where no systemd
runs podman schedules no health check, and waits for none.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from common.config.secret_files import make_secrets
from common.config.settings import ROOT
from tests.e_apification.servers import free_port

PROJECT, TAG = "message-triage-test", "test"
REPLICAS = 2
STAND_INS = {"gateway": "haproxy", "postgres": "postgres", "prometheus": "prometheus"}
LEFT_OUT = {"grafana"}  # of which there is no stand-in
# A chain of a minute or two, whose models the gate lets through.
SMALL = {
    "TRIAGE_INGESTION__SAMPLE_ROWS": 800,
    "TRIAGE_CLASSIFICATION__EMBEDDING__CHECKPOINT": "minilm-wheel",
    "TRIAGE_CLASSIFICATION__EMBEDDING__TUNE_STEPS": 0,
    "TRIAGE_TRAINING__SCHEMA_SENTENCES": "false",
    "TRIAGE_TRAINING__MAX_ROWS": 300,
    "TRIAGE_TRAINING__EVALUATION_ROWS": 100,
    "TRIAGE_TRAINING__EPOCHS": 8,
    "TRIAGE_TRAINING__TENSORBOARD": "false",
    "TRIAGE_GATE__MIN_MACRO_F1": 0,
    "TRIAGE_GATE__MAX_CALIBRATION_ERROR": 1,
    "TRIAGE_GATE__TOLERANCE": 1,
    "TRIAGE_GATE__MAX_RECALL_DROP": 1,
    "TRIAGE_SPARK__DRIVER_MEMORY": "1g",
    "TRIAGE_SPARK__SHUFFLE_PARTITIONS": 2,
    "TRIAGE_STORE__LEASE_S": 10,
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = {
    name: service for name, service in COMPOSE["services"].items() if name not in LEFT_OUT
}


def filled(text: str) -> str:
    """With the default of each variable of compose.yaml in its place."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def run(*command: str, timeout_s: float = 120, check: bool = True, **options: Any) -> str:
    """What a command prints to standard output; both streams where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, **options)
    if check:
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return str(done.stdout).strip()


def build(tag: str, context: Path, *options: str) -> None:
    """Build an image; a bundle of pip's, and an index that is a folder, reach the build."""
    if ca := os.environ.get("PIP_CERT"):
        options += ("--secret", f"id=ca,src={ca}")
    if index := os.environ.get("TORCH_INDEX"):
        options += ("--build-arg", f"TORCH_INDEX={index}")
        folder = index.removeprefix("file://")
        options += ("--volume", f"{folder}:{folder}:ro") if folder != index else ()
    run("podman", "build", "--format", "docker", "--tag", tag, *options, str(context),
        timeout_s=2_400)  # fmt: skip


def build_all() -> None:
    """The images of the project, and stand-ins for those that are not on this machine."""
    build(f"message-triage-server:{TAG}", ROOT, "--target", "server")
    build(f"message-triage-trainer:{TAG}", ROOT, "--file", str(ROOT / "Dockerfile.trainer"))
    for service, folder in STAND_INS.items():
        image = SERVICES[service]["image"]
        if run("podman", "images", "--quiet", image) == "":
            build(image, Path(__file__).parent / "images" / folder)


def start_order() -> Iterator[str]:
    """Services after all that they wait for."""
    done: set[str] = set()
    while len(done) < len(SERVICES):
        for name, service in SERVICES.items():
            if name not in done and set(service.get("depends_on", ())) <= done:
                done.add(name)
                yield name


class Stack:
    """One stack of its own: project, folder, port, volumes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "compose.yaml", folder)
        shutil.copytree(ROOT / "conf", folder / "conf")
        shutil.copytree(
            ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets")
        )
        make_secrets(folder / "deploy/secrets")
        lines = [f"{name}={value}\n" for name, value in SMALL.items()]
        (folder / "deploy/settings.env").write_text("".join(lines), encoding="utf-8")
        self.key = (folder / "deploy/secrets/api_key").read_text(encoding="utf-8").strip()
        self.port = free_port()

    def compose(self, *words: str, timeout_s: float = 600) -> str:
        """A command of podman-compose on this project, with all its services."""
        given = {"PORT": str(self.port), "IMAGE_TAG": TAG, "API_REPLICAS": str(REPLICAS)}
        # As with Docker, a container has no tmpfs that the file doesn't name.
        strict = "--podman-run-args=--read-only-tmpfs=false"
        return run(
            "podman-compose", "--project-name", PROJECT, "--profile", "full", strict, *words,
            cwd=self.folder, env=os.environ | given, timeout_s=timeout_s,
        )  # fmt: skip

    def containers(self, service: str) -> list[str]:
        """Names of the containers of a service."""
        count = REPLICAS if service == "api" else 1
        return [f"{PROJECT}_{service}_{number + 1}" for number in range(count)]

    def create(self) -> None:
        """Make all containers, networks and volumes; nothing runs yet."""
        self.compose("up", "--no-start", "--no-build", "--no-deps", *SERVICES)

    def start(self, service: str) -> None:
        """Start a service whose dependencies are healthy, and wait until it is so itself."""
        for name in self.containers(service):
            run("podman", "start", name)
        if "healthcheck" not in SERVICES[service]:
            for name in self.containers(service):
                code = run("podman", "wait", name, timeout_s=1_200)
                assert code == "0", self.last_lines(name)
            return
        self.wait_healthy(service)

    def wait_healthy(self, service: str, *, within_s: float = 120) -> None:
        """Run the health check of compose.yaml until it passes in all containers of a service."""
        deadline = time.monotonic() + within_s
        for name in self.containers(service):
            while not self.is_healthy(name):
                assert time.monotonic() < deadline, f"{name}: {self.last_lines(name)}"
                time.sleep(0.5)

    def is_healthy(self, name: str) -> bool:
        """Whether the health check of a container passes."""
        return subprocess.run(
            ["podman", "healthcheck", "run", name], capture_output=True, timeout=60
        ).returncode == 0  # fmt: skip

    def last_lines(self, name: str) -> str:
        """What a container wrote last."""
        done = subprocess.run(
            ["podman", "logs", "--tail", "30", name], capture_output=True, text=True, timeout=60
        )
        return done.stdout[-3000:] + done.stderr[-3000:]

    def crash(self, name: str, *, within_s: float = 60) -> None:
        """Kill the main process of a container, as memory that runs out does; it is restarted."""
        before = self.state(name)
        os.kill(int(before["Pid"]), signal.SIGKILL)
        deadline = time.monotonic() + within_s
        while (now := self.state(name))["StartedAt"] == before["StartedAt"] or not now["Running"]:
            assert time.monotonic() < deadline, f"{name} was not restarted: {self.last_lines(name)}"
            time.sleep(0.2)

    def state(self, name: str) -> dict[str, Any]:
        """State of a container, as podman has it."""
        found: dict[str, Any] = json.loads(
            run("podman", "inspect", "--format", "{{json .State}}", name)
        )
        return found

    def ask(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] = {},
        timeout_s: float = 30,
    ) -> dict[str, Any]:
        """The answer through the published port, to the holder of the operator's key."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", "X-API-Key": self.key, **headers},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def ask_inside(self, url: str, *, container: str = f"{PROJECT}_api_1") -> Any:
        """The JSON that a container gets from an address of the stack's own network."""
        code = f"import urllib.request as u; print(u.urlopen({url!r}, timeout=10).read().decode())"
        return json.loads(run("podman", "exec", container, "python", "-c", code))

    def served(self) -> set[str]:
        """Ids of the models that the replicas serve, each asked by itself."""
        own = "http://127.0.0.1:8000/ready"
        return {self.ask_inside(own, container=name)["model_id"] for name in self.containers("api")}

    def query(self, expression: str) -> list[str]:
        """The values that Prometheus has now for a query."""
        (name,) = self.containers("prometheus")
        command = ["promtool", "query", "instant", "http://127.0.0.1:9090", expression]
        lines = run("podman", "exec", name, *command).splitlines()
        return [line.rpartition(" => ")[2].partition(" @")[0] for line in lines if line]

    def remove(self) -> None:
        """Nothing of it is left."""
        for service in SERVICES:
            run("podman", "rm", "--force", "--time", "1", *self.containers(service), check=False)
        self.compose("down", "--volumes")
        for service in STAND_INS:
            run("podman", "untag", SERVICES[service]["image"])


def answer_of(error: urllib.error.HTTPError) -> dict[str, Any]:
    """The body of an answer other than 2xx."""
    found: dict[str, Any] = json.load(error)["error"]
    return found
