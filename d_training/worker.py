"""Take the jobs of /retrain, one at a time:     python -m d_training worker [--once | --check]

While a job runs, a thread says every few seconds that this process lives; where it dies the next
worker takes the job up, once, and training goes on from its last snapshot. A worker that is asked
to end (SIGTERM, Ctrl-C) gives its job back.
"""

import logging
import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from common.config.schema import Settings
from common.errors import RefusedError, TriageError
from d_training import run
from d_training.tracking.sync import synced

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.store.jobs import Job

Train = Callable[[Settings], str]
_BEATS_A_LEASE = 6
logger = logging.getLogger(__name__)


class _Ended(BaseException):
    """The worker was asked to end; no error, so nothing on the way may swallow it."""


def train_once(settings: Settings) -> str:
    """Train, judge and promote as ``make train_model`` does; the id of the model."""
    with synced(settings):
        return run(settings).key


def work(settings: Settings, *, once: bool, train: Train = train_once) -> None:
    """Take jobs until asked to end, or only the one that waits.

    Args:
        settings: the run's.
        once: end after one look.
        train: does the work of a job.

    Raises:
        TriageError: if the store can't be used at the start, and with ``once`` at any time.
    """
    from common.store.engine import StoreAwayError, open_store
    from common.store.jobs import leave, take_job

    lease_s = settings.store.lease_s
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    engine = open_store(settings)
    try:
        with _ended_by_signals(), _signs_of_life(engine, name, settings):
            logger.info("worker %s looks for jobs", name)
            while True:
                try:
                    job = take_job(engine, worker=name, lease_s=lease_s)
                    if job is not None:
                        _do(engine, job, settings, train)
                except StoreAwayError as error:
                    if once:
                        raise
                    logger.warning("%s; trying again", error)
                    job = None
                if once:
                    return
                if job is None:
                    time.sleep(settings.store.poll_s)
    except _Ended:
        logger.info("worker %s ends, as it was asked to", name)
    finally:
        _quietly(lambda: leave(engine, worker=name))
        engine.dispose()


def check_worker(settings: Settings) -> None:
    """For health checks: see that a worker of this store lives.

    Raises:
        TriageError: if none has shown life within store.lease_s, or the store can't be used.
    """
    from common.store.engine import open_store
    from common.store.jobs import worker_alive

    engine = open_store(settings)
    try:
        if not worker_alive(engine):
            raise TriageError(
                f"no worker has shown life for {settings.store.lease_s:g} s (store.lease_s); start "
                "one: python -m d_training worker"
            )
    finally:
        engine.dispose()


def _do(engine: "Engine", job: "Job", settings: Settings, train: Train) -> None:
    """Train, and write down what came of it."""
    from common.store.jobs import finish_job, release_job

    logger.info("job %d, try %d: training", job.id, job.attempts)
    outcome: dict[str, Any]
    try:
        with _kept(engine, job, settings):
            outcome = {"state": "succeeded", "model_id": train(settings)}
    except RefusedError as error:
        outcome = {"state": "refused", "model_id": error.model_id}
        outcome["reasons"] = error.reasons
    except TriageError as error:
        outcome = {"state": "failed", "reasons": [str(error)]}
    except _Ended:
        _quietly(lambda: release_job(engine, job))
        raise
    except Exception as error:  # noqa: BLE001 a fault of ours must not end the worker
        # Where, but not the exception's own text, which may quote a message.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("job %d: %s\n%s", job.id, type(error).__name__, frames)
        outcome = {"state": "failed", "reasons": [f"{type(error).__name__}; see the worker's log"]}
    reasons = "".join(f"; {reason}" for reason in outcome.get("reasons", ()))
    logger.info("job %d: %s%s", job.id, outcome["state"], reasons)
    if not finish_job(engine, job, **outcome):
        logger.warning("job %d was taken by another worker meanwhile; its result counts", job.id)


@contextmanager
def _kept(engine: "Engine", job: "Job", settings: Settings) -> Iterator[None]:
    """Renew the job's lease for as long as it is worked at."""
    from common.store.jobs import keep_job

    lease_s = settings.store.lease_s
    with _every(lease_s / _BEATS_A_LEASE, lambda: keep_job(engine, job, lease_s=lease_s)):
        yield


@contextmanager
def _signs_of_life(engine: "Engine", name: str, settings: Settings) -> Iterator[None]:
    """Let the API see that there is a worker."""
    from common.store.jobs import show_life

    lease_s = settings.store.lease_s
    show_life(engine, worker=name, lease_s=lease_s)
    with _every(lease_s / _BEATS_A_LEASE, lambda: show_life(engine, worker=name, lease_s=lease_s)):
        yield


@contextmanager
def _every(seconds: float, do: Callable[[], object]) -> Iterator[None]:
    """Call ``do`` at intervals in a thread, whatever this one is busy with."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds):
            _quietly(do)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise ``_Ended`` in this thread."""

    def end(*_: object) -> None:
        raise _Ended

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quietly(do: Callable[[], object]) -> None:
    """Do what the next beat, or the end of the lease, mends where the database is away."""
    from common.store.engine import StoreAwayError

    try:
        do()
    except StoreAwayError as error:
        logger.warning("%s", error)
