"""One open job, one worker on it, one retry."""

import threading
import time

import pytest
from sqlalchemy import Engine

from common.store.jobs import (
    JobOpenError,
    Queue,
    find_job,
    finish_job,
    keep_job,
    leave,
    look_at_queue,
    queue_job,
    release_job,
    show_life,
    take_job,
    worker_alive,
)


def test_a_job_goes_from_queued_to_succeeded(store: Engine) -> None:
    asked = queue_job(store, by="ada")
    assert (asked.state, asked.attempts, asked.started_at) == ("queued", 0, None)
    taken = take_job(store, worker="w", lease_s=60)
    assert taken is not None
    assert (taken.id, taken.state, taken.attempts) == (asked.id, "running", 1)
    assert take_job(store, worker="v", lease_s=60) is None
    assert finish_job(store, taken, state="succeeded", model_id="0123456789ab")
    done = find_job(store, asked.id)
    assert done is not None
    assert (done.state, done.model_id, done.reasons) == ("succeeded", "0123456789ab", ())
    assert done.asked_at <= (done.started_at or 0) <= (done.finished_at or 0)


def test_a_refusal_keeps_its_reasons(store: Engine) -> None:
    queue_job(store, by="ada")
    taken = take_job(store, worker="w", lease_s=60)
    assert taken is not None
    finish_job(store, taken, state="refused", model_id="0" * 12, reasons=["too low", "slow"])
    done = find_job(store, taken.id)
    assert done is not None
    assert (done.state, done.reasons) == ("refused", ("too low", "slow"))


def test_one_job_is_open_at_most(store: Engine) -> None:
    first = queue_job(store, by="ada")
    with pytest.raises(JobOpenError) as caught:
        queue_job(store, by="bob")
    assert caught.value.job == first
    taken = take_job(store, worker="w", lease_s=60)
    with pytest.raises(JobOpenError):
        queue_job(store, by="bob")
    assert taken is not None
    finish_job(store, taken, state="failed", reasons=["no labels"])
    assert queue_job(store, by="bob").id > first.id


def test_many_who_ask_at_once_get_one_job(store: Engine) -> None:
    asked, refused = [], []

    def ask() -> None:
        try:
            asked.append(queue_job(store, by="ada"))
        except JobOpenError as error:
            refused.append(error.job.id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert refused == [asked[0].id] * 7


def test_many_workers_at_once_take_it_once(store: Engine) -> None:
    queue_job(store, by="ada")
    taken = []
    threads = [
        threading.Thread(target=lambda: taken.append(take_job(store, worker="w", lease_s=60)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([job for job in taken if job is not None]) == 1


def test_a_dead_workers_job_is_taken_once_more_and_then_fails(store: Engine) -> None:
    asked = queue_job(store, by="ada")
    first = take_job(store, worker="w", lease_s=0.05)
    time.sleep(0.1)
    second = take_job(store, worker="v", lease_s=0.05)
    assert first is not None and second is not None
    assert (second.id, second.attempts) == (asked.id, 2)
    # The first worker was not dead, only slow: what it says no longer counts.
    assert not keep_job(store, first, lease_s=60)
    assert not finish_job(store, first, state="succeeded", model_id="0" * 12)
    time.sleep(0.1)
    assert take_job(store, worker="u", lease_s=60) is None
    failed = find_job(store, asked.id)
    assert failed is not None
    assert (failed.state, failed.attempts) == ("failed", 2)
    assert failed.reasons == ("its worker died, 2 times; the log of the worker may say why",)
    assert queue_job(store, by="ada").id > asked.id


def test_a_kept_lease_keeps_the_job(store: Engine) -> None:
    queue_job(store, by="ada")
    taken = take_job(store, worker="w", lease_s=0.05)
    assert taken is not None
    assert keep_job(store, taken, lease_s=60)
    time.sleep(0.1)
    assert take_job(store, worker="v", lease_s=60) is None


def test_a_released_job_waits_as_if_never_taken(store: Engine) -> None:
    asked = queue_job(store, by="ada")
    taken = take_job(store, worker="w", lease_s=60)
    assert taken is not None
    assert release_job(store, taken)
    assert find_job(store, asked.id) == asked


def test_life_is_seen_until_it_is_over(store: Engine) -> None:
    assert not worker_alive(store)
    show_life(store, worker="w", lease_s=60)
    show_life(store, worker="w", lease_s=60)
    show_life(store, worker="v", lease_s=0.05)
    leave(store, worker="w")
    time.sleep(0.1)
    assert not worker_alive(store)
    show_life(store, worker="w", lease_s=60)
    assert worker_alive(store)


def test_no_such_job(store: Engine) -> None:
    assert find_job(store, 1) is None


def test_jobs_are_counted_by_state_also_where_there_are_none(store: Engine) -> None:
    nothing = {"queued": 0, "running": 0, "succeeded": 0, "refused": 0, "failed": 0}
    assert look_at_queue(store) == Queue(jobs=nothing, entered={}, workers=0)
    ended = []
    for state in ("failed", "failed", "succeeded"):
        queue_job(store, by="ada")
        taken = take_job(store, worker="w", lease_s=60)
        assert taken is not None
        finish_job(store, taken, state=state)
        ended.append(find_job(store, taken.id))
    waits = queue_job(store, by="ada")
    found = look_at_queue(store)
    assert found.jobs == nothing | {"queued": 1, "succeeded": 1, "failed": 2}
    _, failed, succeeded = ended
    assert found.entered == {
        "queued": waits.asked_at,
        "failed": failed and failed.finished_at,
        "succeeded": succeeded and succeeded.finished_at,
    }
    runs = take_job(store, worker="w", lease_s=60)
    assert look_at_queue(store).entered["running"] == (runs and runs.started_at)


def test_workers_are_counted_as_long_as_they_live(store: Engine) -> None:
    show_life(store, worker="v", lease_s=0.05)
    show_life(store, worker="w", lease_s=60)
    time.sleep(0.1)
    assert look_at_queue(store).workers == 1
    leave(store, worker="w")
    assert look_at_queue(store).workers == 0
