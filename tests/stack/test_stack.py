"""The life of the stack, through its one published port: `make stack_test`.

The tests run in their order and share one stack. Grafana is left out, as no registry is needed.
"""

import json
import re
import shutil
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.engine import (
    PROJECT,
    REPLICAS,
    SERVICES,
    TAG,
    Stack,
    answer_of,
    build_all,
    run,
    start_order,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3_600)]
ROWS = [
    {"text": "the parcel came crushed and wet", "label": "product defect"},
    {"text": "you took the money twice", "label": "billing issue"},
]
PIPELINE = f"{PROJECT}_pipeline_1"
MB = 1e6
SERVER_MB, MODEL_MB = 300, 24  # the model of profile sample, which compose.yaml keeps in a volume


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for program in ("podman", "podman-compose"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on PATH")
    build_all()
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.create()
        for service in start_order():
            stack.start(service)
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def first_model(stack: Stack) -> str:
    return str(stack.ask("/ready")["model_id"])


def test_the_images_are_as_small_as_documented(stack: Stack) -> None:
    sizes = {
        name: int(run("podman", "image", "inspect", "--format", "{{.Size}}", f"{name}:{TAG}"))
        for name in ("message-triage-server", "message-triage-trainer")
    }
    print({name: f"{size / MB:.0f} MB" for name, size in sizes.items()})  # noqa: T201 -s shows it
    assert sizes["message-triage-server"] / MB + MODEL_MB < SERVER_MB
    assert sizes["message-triage-trainer"] / MB < 4_000


def test_containers_have_the_rights_and_limits_of_the_file(stack: Stack) -> None:
    for service, wanted in SERVICES.items():
        for name in stack.containers(service):
            form = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}} {{.EffectiveCaps}}"
            shown = run("podman", "inspect", "--format", form, name)
            memory = wanted["deploy"]["resources"]["limits"]["memory"]
            unit = {"m": 1 << 20, "g": 1 << 30}[memory[-1]]
            assert shown == f"true {int(memory[:-1]) * unit} []"


def test_the_chain_does_not_run_again_where_there_is_a_model(stack: Stack) -> None:
    started = time.monotonic()
    run("podman", "start", PIPELINE)
    assert run("podman", "wait", PIPELINE) == "0"
    assert time.monotonic() - started < 20


def test_it_answers_through_the_published_port(stack: Stack, first_model: str) -> None:
    answer = stack.ask("/predict", {"text": "where is my parcel?"})
    assert answer["model_id"] == first_model
    assert 0 < answer["confidence"] <= 1
    assert stack.served() == {first_model}
    with pytest.raises(urllib.error.HTTPError) as refused:
        stack.ask("/retrain", {}, headers={"X-API-Key": "not-the-operators"})
    assert (refused.value.code, answer_of(refused.value)["code"]) == (401, "wrong_key")


def test_people_teach_it_and_all_replicas_serve_what_comes_of_it(
    stack: Stack, first_model: str
) -> None:
    assert stack.ask("/add_data", {"rows": ROWS})["rows"] == 2

    done = retrain(stack)

    assert done["state"] == "succeeded"
    new = done["model_id"]
    assert new != first_model
    wait_served(stack, new, within_s=60)
    found = {each["model_id"]: each for each in stack.ask("/experiments")["experiments"]}
    assert set(found) == {first_model, new}
    assert found[new]["verdict"]["promote"] is True
    assert found[new]["verdict"]["against"] == first_model
    assert found[new]["production"] is True


def test_a_rollback_takes_less_than_five_minutes_and_a_deployment_too(
    stack: Stack, first_model: str
) -> None:
    (new,) = stack.served()
    for path, wanted in (
        (f"/rollback?to={first_model}", first_model),
        (f"/deploy/{new}?force=true", new),
    ):
        started = time.monotonic()
        assert stack.ask(path, method="POST")["model_id"] == wanted
        wait_served(stack, wanted, within_s=300)
        print(f"{path}: all replicas after {time.monotonic() - started:.1f} s")  # noqa: T201
        assert stack.ask("/predict", {"text": "refund"})["model_id"] == wanted


def test_nothing_acknowledged_is_lost_whoever_dies(stack: Stack) -> None:
    with Acknowledged(stack) as kept:
        for service in (name for name in SERVICES if name != "pipeline"):
            for name in stack.containers(service):
                job = begin_training(stack) if service == "worker" else None
                stack.crash(name)
                stack.wait_healthy(service)
                if job is not None:
                    done = wait_job(stack, job)
                    assert (done["state"], done["attempts"]) == ("succeeded", 2)
                kept.wait_for_more()
    assert len(set(kept.batches.values())) == len(kept.batches) > 20
    assert {key: kept.post(key) for key in kept.batches} == kept.batches


def test_mlflow_has_the_models_and_which_of_them_serves(stack: Stack) -> None:
    address = "http://mlflow:5000/api/2.0/mlflow/registered-models"
    found = stack.ask_inside(f"{address}/get?name=message-triage")["registered_model"]
    assert {alias["alias"] for alias in found["aliases"]} == {"candidate", "production"}


def test_it_carries_load(stack: Stack, tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("no wrk on PATH")
    script = tmp_path / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.body = \'{"text": "where is my parcel?"}\'\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    url = f"http://127.0.0.1:{stack.port}/predict"
    # As long as two scrapes, so that rates have data.
    shown = run("wrk", "-t1", "-c8", "-d40s", "--latency", "-s", str(script), url)
    print(shown)  # noqa: T201
    assert "Non-2xx" not in shown
    assert "Socket errors" not in shown
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", shown)
    assert float(rate) > 20


def test_prometheus_asks_every_replica_and_has_what_it_counted(stack: Stack) -> None:
    assert stack.query('up{job="api"}') == ["1"] * REPLICAS
    (requests,) = stack.query('sum(triage_requests_total{route="/predict"})')
    assert float(requests) > 100
    (rate,) = stack.query('sum(rate(triage_requests_total{route="/predict"}[2m]))')
    assert float(rate) > 0


def test_every_panel_of_the_dashboards_has_data(stack: Stack) -> None:
    files = sorted((stack.folder / "deploy/grafana/dashboards").glob("*.json"))
    panels = [each for file in files for each in json.loads(file.read_text())["panels"]]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(asked) > 10
    empty = [each for each in asked if not stack.query(each.replace("$__rate_interval", "2m"))]
    assert empty == []


def test_the_alert_rules_pass_their_tests_in_the_image(stack: Stack) -> None:
    (name,) = stack.containers("prometheus")
    run("podman", "exec", name, "promtool", "check", "config", "/etc/prometheus/prometheus.yml")
    run("podman", "exec", name, "promtool", "test", "rules", "/etc/prometheus/alerts_test.yml")


def retrain(stack: Stack) -> dict[str, Any]:
    return wait_job(stack, stack.ask("/retrain", {})["job"])


def state(stack: Stack, job: int) -> dict[str, Any]:
    return stack.ask(f"/retrain/{job}")


def wait_job(stack: Stack, job: int) -> dict[str, Any]:
    wait(lambda: state(stack, job)["state"] not in ("queued", "running"), within_s=900)
    return state(stack, job)


def begin_training(stack: Stack) -> int:
    job = int(stack.ask("/retrain", {})["job"])
    wait(lambda: state(stack, job)["state"] == "running", within_s=60)
    time.sleep(3)
    return job


def wait_served(stack: Stack, model_id: str, *, within_s: float) -> None:
    wait(lambda: stack.served() == {model_id}, within_s=within_s)


def wait(condition: Any, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Acknowledged:
    """Posts labels all the while, each with a key of its own; keeps what was acknowledged."""

    def __init__(self, stack: Stack) -> None:
        self.batches: dict[str, int] = {}
        self._stack = stack
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "Acknowledged":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for_more(self) -> None:
        before = len(self.batches)
        wait(lambda: len(self.batches) > before + 2, within_s=60)

    def post(self, key: str) -> int:
        """The id of the batch; an OSError where it was not acknowledged."""
        rows = [{"text": f"message {key}", "label": ROWS[0]["label"]}]
        answer = self._stack.ask("/add_data", {"rows": rows}, headers={"Idempotency-Key": key})
        return int(answer["batch"])

    def _go_on(self) -> None:
        number = 0
        while not self._over.wait(0.1):
            try:
                self.batches[f"key-{number}"] = self.post(f"key-{number}")
                number += 1
            except OSError:
                time.sleep(0.2)  # nobody acknowledged it: the same again
