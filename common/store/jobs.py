"""The jobs of /retrain: at most one open, taken by one worker, retried once where that dies.

A running job is its worker's as long as that renews the lease. Each try has a number, and only the
newest may say how the job went: a worker that was thought dead and comes back changes nothing.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from common.store.engine import now, reached
from common.store.tables import jobs, workers

State = Literal["queued", "running", "succeeded", "refused", "failed"]
MAX_ATTEMPTS = 2


class Job(NamedTuple):
    """One request to train; times in seconds since 1970.

    attempts: tries begun; reasons: why it was refused, or failed.
    """

    id: int
    state: State
    asked_by: str
    asked_at: float
    started_at: float | None
    finished_at: float | None
    attempts: int
    model_id: str | None
    reasons: tuple[str, ...]


class Queue(NamedTuple):
    """The jobs by state.

    jobs: how many, states without one among them; entered: when the newest of a state entered it,
    in seconds since 1970, of states that have one; workers: those alive.
    """

    jobs: dict[str, int]
    entered: dict[str, float]
    workers: int


class JobOpenError(Exception):
    """A job is queued or running already."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


_COLUMNS = [jobs.c[name] for name in Job._fields]


def queue_job(engine: Engine, *, by: str) -> Job:
    """Ask for a training.

    Raises:
        JobOpenError: if one is open.
    """
    while True:  # an open job can end between the two looks
        with reached():
            try:
                with engine.begin() as connection:
                    _give_up(connection)
                    asked = {"state": "queued", "open_slot": 1, "asked_by": by, "attempts": 0}
                    asked |= {"asked_at": now(connection), "reasons": "[]"}
                    return _one_job(connection, _insert_job(connection, asked))
            except IntegrityError:
                opened = _find(engine, jobs.c.open_slot == 1)
        if opened is not None:
            raise JobOpenError(opened)


def find_job(engine: Engine, job_id: int) -> Job | None:
    """A job as it stands, or None."""
    with reached():
        with engine.begin() as connection:
            _give_up(connection)
        return _find(engine, jobs.c.id == job_id)


def look_at_queue(engine: Engine) -> Queue:
    """What waits, what runs, how the last ones ended, and who is there to work."""
    entered = func.max(func.coalesce(jobs.c.finished_at, jobs.c.started_at, jobs.c.asked_at))
    by_state = select(jobs.c.state, func.count().label("jobs"), entered.label("entered"))
    with reached(), engine.begin() as connection:
        _give_up(connection)
        found = connection.execute(by_state.group_by(jobs.c.state)).all()
        alive = select(func.count()).where(workers.c.alive_until >= now(connection))
        return Queue(
            jobs=dict.fromkeys(get_args(State), 0) | {row.state: row.jobs for row in found},
            entered={row.state: row.entered for row in found},
            workers=connection.execute(alive).scalar_one(),
        )


def take_job(engine: Engine, *, worker: str, lease_s: float) -> Job | None:
    """The job that waits, or whose worker has died; it is the caller's now. None: there is none."""
    with reached(), engine.begin() as connection:
        _give_up(connection)
        instant = now(connection)
        waiting = (jobs.c.state == "queued") | (
            (jobs.c.state == "running") & (jobs.c.lease_until < instant)
        )
        found = connection.execute(
            select(jobs.c.id).where(waiting).with_for_update(skip_locked=True)
        ).one_or_none()
        if found is None:
            return None
        taken = update(jobs).where(jobs.c.id == found.id)
        connection.execute(
            taken.values(
                state="running",
                worker=worker,
                attempts=jobs.c.attempts + 1,
                started_at=instant,
                lease_until=instant + lease_s,
            )
        )
        return _one_job(connection, found.id)


def keep_job(engine: Engine, job: Job, *, lease_s: float) -> bool:
    """Renew the lease; False where the job is no longer this try's."""
    with reached(), engine.begin() as connection:
        kept = _of_try(job).values(lease_until=now(connection) + lease_s)
        return connection.execute(kept).rowcount == 1


def finish_job(
    engine: Engine,
    job: Job,
    *,
    state: Literal["succeeded", "refused", "failed"],
    model_id: str | None = None,
    reasons: Sequence[str] = (),
) -> bool:
    """Say how it went; False where the job is no longer this try's."""
    with reached(), engine.begin() as connection:
        ended = _of_try(job).values(
            state=state,
            open_slot=None,
            lease_until=None,
            finished_at=now(connection),
            model_id=model_id,
            reasons=json.dumps(list(reasons)),
        )
        return connection.execute(ended).rowcount == 1


def release_job(engine: Engine, job: Job) -> bool:
    """Give a job back, as a worker that is asked to end does; the try does not count."""
    with reached(), engine.begin() as connection:
        freed = _of_try(job).values(
            state="queued", lease_until=None, started_at=None, attempts=jobs.c.attempts - 1
        )
        return connection.execute(freed).rowcount == 1


def show_life(engine: Engine, *, worker: str, lease_s: float) -> None:
    """Let others see that a worker lives; those not seen for long are forgotten."""
    with reached(), engine.begin() as connection:
        instant = now(connection)
        connection.execute(
            delete(workers).where((workers.c.name == worker) | (workers.c.alive_until < instant))
        )
        connection.execute(insert(workers), {"name": worker, "alive_until": instant + lease_s})


def leave(engine: Engine, *, worker: str) -> None:
    """Say that a worker ends."""
    with reached(), engine.begin() as connection:
        connection.execute(delete(workers).where(workers.c.name == worker))


def worker_alive(engine: Engine) -> bool:
    """Whether any worker has shown life lately."""
    with reached(), engine.begin() as connection:
        alive = select(workers.c.name).where(workers.c.alive_until >= now(connection)).limit(1)
        return connection.execute(alive).one_or_none() is not None


def _of_try(job: Job) -> Update:
    """A change to the job as long as it is this try's."""
    mine = (jobs.c.id == job.id) & (jobs.c.state == "running") & (jobs.c.attempts == job.attempts)
    return update(jobs).where(mine)


def _give_up(connection: Connection) -> None:
    """Close a job whose workers died as often as is allowed."""
    instant = now(connection)
    dead = (jobs.c.state == "running") & (jobs.c.lease_until < instant)
    said = [f"its worker died, {MAX_ATTEMPTS} times; the log of the worker may say why"]
    connection.execute(
        update(jobs)
        .where(dead & (jobs.c.attempts >= MAX_ATTEMPTS))
        .values(
            state="failed",
            open_slot=None,
            lease_until=None,
            finished_at=instant,
            reasons=json.dumps(said),
        )
    )


def _insert_job(connection: Connection, values: dict[str, Any]) -> int:
    return int(connection.execute(insert(jobs).values(**values).returning(jobs.c.id)).scalar_one())


def _one_job(connection: Connection, job_id: int) -> Job:
    return _from_row(connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id)).one())


def _find(engine: Engine, condition: ColumnElement[bool]) -> Job | None:
    with engine.begin() as connection:
        row = connection.execute(select(*_COLUMNS).where(condition)).one_or_none()
    return None if row is None else _from_row(row)


def _from_row(row: Row[Any]) -> Job:
    values = row._asdict()
    return Job(**values | {"reasons": tuple(json.loads(values["reasons"]))})
