"""A live Prometheus over a live server: every query of the dashboard has an answer, rules load."""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from common.config.schema import Settings
from common.models.journal import last_move, read_journal
from common.store.engine import open_store
from common.store.jobs import finish_job, show_life, take_job
from deploy.grafana.dashboard import PATH
from tests.e_apification.learning import ENTRY, WITH_KEY
from tests.e_apification.servers import server
from tests.prometheus import FOLDER, Prometheus, program, prometheus

MakeModels = Callable[..., Path]
OLD, NEW = "0123456789ab", "ba9876543210"
DASHBOARD = json.loads(PATH.read_text(encoding="utf-8"))
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
} | {mark["name"]: mark["expr"] for mark in DASHBOARD["annotations"]["list"]}
# Held-out texts that were all labeled billing: what is asked below drifts from them.
REFERENCE = {
    "labels": [40, 0, 0, 0],
    "confidence": {"edges": [0.6], "counts": [0, 40]},
    "tokens": {"edges": [4], "counts": [40, 0]},
}
RATE_S = 30
pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    "command", ["check config prometheus", "check rules alerts", "test rules alerts_test"]
)
def test_promtool_finds_no_fault(command: str) -> None:
    *verbs, name = command.split()
    tool = [program("promtool"), *verbs, str(FOLDER / f"{name}.yml")]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def run_dir(make_models: MakeModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OLD serves, NEW can be deployed."""
    run_dir = tmp_path_factory.mktemp("watched")
    shutil.copytree(make_models(reference=REFERENCE), run_dir / "models")
    other = make_models(model_id=NEW, reference=REFERENCE)
    shutil.copytree(other / NEW, run_dir / "models" / NEW)
    return run_dir


@pytest.fixture(scope="module")
def watched(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, after traffic, a deployment, a training and a job that waits."""
    settings = ("serving.processes=2", f"serving.api_keys={ENTRY}", "serving.drift_min_texts=10")
    engine = open_store(Settings(run_dir=run_dir))
    with server(run_dir, *settings) as (_, port):
        folder = tmp_path_factory.mktemp("prometheus")
        with prometheus(folder, api=[f"127.0.0.1:{port}"], every_s=1) as started:
            ask(port, "/retrain", status=202)
            job = take_job(engine, worker="w", lease_s=60)
            assert job is not None
            finish_job(engine, job, state="succeeded", model_id=NEW)
            show_life(engine, worker="w", lease_s=600)
            ask(port, "/retrain", status=202)
            traffic(port)
            ask(port, f"/deploy/{NEW}?force=true")
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:  # both processes follow, and all is asked for often
                traffic(port)
            yield started
    engine.dispose()


def traffic(port: int) -> None:
    """Of five texts two get no label, and one of these is cut; one request is wrong."""
    ask(port, "/predict", {"text": "refund"})
    ask(port, "/batch_predict", {"texts": ["parcel", "hello", "a b c", "a b c d e f g h"]})
    ask(port, "/predict", {"text": ""}, status=422)


def ask(port: int, path: str, body: object = None, *, status: int = 200) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        headers = WITH_KEY | {"Content-Type": "application/json"}
        connection.request("POST", path, None if body is None else json.dumps(body), headers)
        assert connection.getresponse().status == status


@pytest.mark.parametrize("name", QUERIES)
def test_the_query_has_an_answer(watched: Prometheus, name: str) -> None:
    found = watched.query(QUERIES[name], rate_s=RATE_S)
    assert found
    assert all(math.isfinite(value) for value in found.values())


def test_the_answers_are_what_happened(watched: Prometheus, run_dir: Path) -> None:
    def values(name: str) -> dict[str, float]:
        found = watched.query(QUERIES[name], rate_s=RATE_S)
        return {labels[-1][1] if labels else "": value for labels, value in found.items()}

    assert values("Is it up? A") == {"": 1}
    assert values("Is there a worker? A") == {"": 1}
    assert values("Which model answers? A") == {NEW: 2}
    assert set(values("How did the last training end? A")) == {"succeeded"}
    assert values("How many jobs, and how did they end? A") == {
        "queued": 1, "running": 0, "succeeded": 1, "refused": 0, "failed": 0,
    }  # fmt: skip
    assert values("What share of requests fails? A") == {"": 0}
    assert set(values("Which errors? A")) >= {"invalid_request"}
    assert values("Do texts still look like those of training? A")["labels"] > 0.2
    assert values("How many texts get no label, or are cut? A") == {
        "": pytest.approx(0.4, abs=0.05)
    }
    assert values("How many texts get no label, or are cut? B") == {
        "": pytest.approx(0.2, abs=0.05)
    }
    moved = last_move(read_journal(run_dir / "models"))
    assert moved is not None and moved.to == NEW
    assert values("Deployments") == {NEW: 1000 * moved.at.timestamp()}


def test_all_rules_are_evaluated_without_error(watched: Prometheus) -> None:
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len({rule["name"] for rule in rules}) > 10
    assert {(rule["health"], rule.get("lastError")) for rule in rules} == {("ok", None)}
    states = {rule["name"]: rule["state"] for rule in rules}
    assert states["TriageDrift"] == "pending"
    assert "firing" not in states.values()
