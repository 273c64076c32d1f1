"""The worker: what becomes of a job, and of a worker that dies or is asked to end."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from common.config.schema import Settings
from common.config.store import StoreSettings
from common.config.tracking import TrackingSettings
from common.errors import DataError, RefusedError, TriageError
from common.store import Labeled
from common.store.engine import open_store
from common.store.feedback import add_batch
from common.store.jobs import find_job, queue_job, show_life, take_job, worker_alive
from d_training.worker import check_worker, work
from tests.d_training.conftest import Toy

ROOT = Path(__file__).resolve().parents[2]
# A worker whose training writes its number and then takes its time.
CODE = """
import sys, time
from pathlib import Path
from common.log import configure_logging
from common.config.schema import Settings
from d_training.worker import work
settings = Settings.model_validate_json(sys.argv[1])
def train(settings):
    Path(sys.argv[2]).write_text("begun")
    time.sleep(float(sys.argv[3]))
    return "0123456789ab"
configure_logging()
work(settings, once=False, train=train)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(run_dir=tmp_path, store=StoreSettings(lease_s=0.6, poll_s=0.05))


@pytest.fixture
def store(settings: Settings) -> Iterator[Any]:
    engine = open_store(settings)
    yield engine
    engine.dispose()


def job_of(store: Engine) -> Any:
    job = find_job(store, 1)
    assert job is not None
    return job


def start(settings: Settings, begun: Path, *, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, settings.model_dump_json(), str(begun), str(seconds)],
        cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def wait_for(condition: Any, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_a_job_once_ends_at_once(settings: Settings, store: Any) -> None:
    work(settings, once=True, train=lambda _: pytest.fail("nothing was asked for"))
    assert not worker_alive(store)


def test_a_job_is_done_and_its_experiment_written_down(settings: Settings, store: Any) -> None:
    queue_job(store, by="ada")
    seen = []

    def train(own: Settings) -> str:
        seen.append((own, job_of(store).state, worker_alive(store)))
        return "0123456789ab"

    work(settings, once=True, train=train)
    assert seen == [(settings, "running", True)]
    assert (job_of(store).state, job_of(store).model_id) == ("succeeded", "0123456789ab")


def test_a_refusal_is_told_with_its_reasons(settings: Settings, store: Any) -> None:
    queue_job(store, by="ada")

    def train(_: Settings) -> str:
        raise RefusedError("long", model_id="0123456789ab", reasons=["too low", "too slow"])

    work(settings, once=True, train=train)
    job = job_of(store)
    assert (job.state, job.model_id) == ("refused", "0123456789ab")
    assert job.reasons == ("too low", "too slow")


def test_what_a_person_can_mend_is_told_and_nothing_else(
    settings: Settings, store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    queue_job(store, by="ada")

    def no_labels(_: Settings) -> str:
        raise DataError("data/labeled is missing; run `make classify` first")

    work(settings, once=True, train=no_labels)
    assert job_of(store).state == "failed"
    assert job_of(store).reasons == ("data/labeled is missing; run `make classify` first",)

    second = queue_job(store, by="ada")

    def fault(_: Settings) -> str:
        raise ValueError("a message of a custo" + "mer")  # the log shows this very line

    with caplog.at_level(logging.INFO):
        work(settings, once=True, train=fault)
    job = find_job(store, second.id)
    assert job is not None
    assert job.reasons == ("ValueError; see the worker's log",)
    assert "ValueError" in caplog.text
    assert "customer" not in caplog.text


def test_a_long_training_keeps_its_job(settings: Settings, store: Any) -> None:
    queue_job(store, by="ada")
    others = []

    def train(_: Settings) -> str:
        time.sleep(1.5)  # more than two leases
        others.append(take_job(store, worker="v", lease_s=1))
        return "0123456789ab"

    work(settings, once=True, train=train)
    assert others == [None]
    assert job_of(store).state == "succeeded"


def test_a_killed_workers_job_is_done_by_the_next_one(
    settings: Settings, store: Any, tmp_path: Path
) -> None:
    queue_job(store, by="ada")
    begun = tmp_path / "begun"
    worker = start(settings, begun, seconds=60)
    wait_for(begun.exists)
    assert worker_alive(store)
    worker.kill()
    worker.wait()
    assert job_of(store).state == "running"  # nobody knows yet
    wait_for(lambda: not worker_alive(store))

    def done_by_another() -> bool:
        work(settings, once=True, train=lambda _: "0123456789ab")
        return bool(job_of(store).state == "succeeded")

    wait_for(done_by_another)  # the lease of the job ends a moment before or after the sign of life
    assert job_of(store).attempts == 2


def test_a_job_that_kills_its_worker_twice_has_failed(
    settings: Settings, store: Any, tmp_path: Path
) -> None:
    queue_job(store, by="ada")
    for number in range(2):
        begun = tmp_path / f"begun{number}"
        worker = start(settings, begun, seconds=60)
        wait_for(begun.exists)
        worker.kill()
        worker.wait()
    wait_for(lambda: job_of(store).state == "failed")
    assert job_of(store).reasons == ("its worker died, 2 times; the log of the worker may say why",)


def test_a_worker_that_is_asked_to_end_gives_its_job_back(
    settings: Settings, store: Any, tmp_path: Path
) -> None:
    queue_job(store, by="ada")
    begun = tmp_path / "begun"
    worker = start(settings, begun, seconds=60)
    wait_for(begun.exists)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    job = job_of(store)
    assert (job.state, job.attempts) == ("queued", 0)
    assert not worker_alive(store)


def test_a_database_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """A lock that is held for longer than a worker waits stands in for a server that is away."""
    short = StoreSettings(lease_s=30, poll_s=0.05, timeout_s=0.05)
    settings = Settings(run_dir=tmp_path, store=short)
    store = open_store(settings)
    worker = start(settings, tmp_path / "begun", seconds=0)
    wait_for(lambda: worker_alive(store))
    with store.begin():  # BEGIN IMMEDIATE: nobody else gets a word in
        time.sleep(0.5)
        assert worker.poll() is None
    queue_job(store, by="ada")
    wait_for(lambda: job_of(store).state == "succeeded")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    store.dispose()


def test_a_check_finds_a_worker_that_lives(settings: Settings, store: Any) -> None:
    with pytest.raises(TriageError, match=r"no worker has shown life for 0\.6 s"):
        check_worker(settings)
    show_life(store, worker="ada:1", lease_s=60)
    check_worker(settings)


def test_the_command_takes_one_job(settings: Settings, store: Any) -> None:
    queue_job(store, by="ada")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")}
    done = subprocess.run(
        [sys.executable, "-m", "d_training", "worker", "--once"]
        + ["--set", f"run_dir={settings.run_dir}", "--set", "tracking.enabled=false"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert job_of(store).state == "failed"
    (reason,) = job_of(store).reasons
    assert "data/labeled is missing or not whole; run `make classify` first" in reason


@pytest.mark.slow
def test_corrections_are_learnt(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
) -> None:
    """Texts of a new kind, labeled by a person, are right after a retraining."""
    import json

    import numpy as np

    from common.onnx.model import OnnxModel
    from d_training import run

    publish_labeled(tmp_path, toy.rows())
    quiet = TrackingSettings(enabled=False)  # MLflow has tests of its own
    settings = make_settings(tmp_path).model_copy(update={"tracking": quiet})
    first = run(settings)
    engine = open_store(settings)
    texts = [f"crashes {word}" for word in ("app", "my app", "the app", "brand app", "a user")]
    rows = [Labeled(text, "bill") for text in texts]
    add_batch(engine, rows, by="ada", key=None, body_sha256="0" * 64)
    queue_job(engine, by="ada")
    work(settings, once=True)
    job = job_of(engine)
    engine.dispose()
    assert job.state in ("succeeded", "refused"), job.reasons
    assert job.model_id not in (None, first.key)
    folder = tmp_path / "models" / str(job.model_id)
    metrics = json.loads((folder / "metrics.json").read_bytes())
    assert metrics["rows"]["human"] == 5
    inputs = json.loads((folder / "manifest.json").read_bytes())["inputs"]
    assert "feedback/feedback.parquet" in {record["path"] for record in inputs}
    model = OnnxModel(
        folder / "model.onnx", tokenizer=folder / "tokenizer.json", max_length=16, threads=1
    )
    logits = model.run(texts).values
    assert np.argmax(logits, axis=1).tolist() == [1] * 5  # bill
    # The same labels again are the same experiment.
    assert run(settings).key == job.model_id
