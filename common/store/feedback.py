"""People's labels in the store: a batch a request, added whole or not at all, and only once."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from common.store import Labeled
from common.store.engine import now, reached
from common.store.tables import batches, feedback
from common.text import dedup_key


class Batch(NamedTuple):
    """What one request added; added_at in seconds since 1970."""

    id: int
    rows: int
    added_at: float
    body_sha256: str


class KeyReusedError(Exception):
    """An idempotency key came a second time, with another body."""


def add_batch(
    engine: Engine, rows: Sequence[Labeled], *, by: str, key: str | None, body_sha256: str
) -> Batch:
    """Add all rows and wait for the disk; what a key has added before is not added again.

    Raises:
        KeyReusedError: if the key came with another body before.
        StoreAwayError: if the database does not answer; then nothing was added, or the answer was
            lost, which a second try with the same key settles.
    """
    with reached():
        try:
            with engine.begin() as connection:
                return _insert(connection, rows, by=by, key=key, body_sha256=body_sha256)
        except IntegrityError:
            if key is None:
                raise
        found = find_batch(engine, by=by, key=key, body_sha256=body_sha256)
    assert found is not None  # noqa: S101 the constraint that failed says that it is there
    return found


def find_batch(engine: Engine, *, by: str, key: str, body_sha256: str) -> Batch | None:
    """What a key has added, or None where it is new.

    Raises:
        KeyReusedError: if it came with another body.
    """
    query = select(batches.c.id, batches.c.rows, batches.c.added_at, batches.c.body_sha256).where(
        batches.c.added_by == by, batches.c.idempotency_key == key
    )
    with reached(), engine.begin() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.body_sha256 != body_sha256:
        raise KeyReusedError
    return Batch(*row)


def read_feedback(engine: Engine) -> list[Labeled]:
    """All rows, in the order in which they were added."""
    query = select(feedback.c.text, feedback.c.label).order_by(feedback.c.id)
    with reached(), engine.begin() as connection:
        return [Labeled(*row) for row in connection.execute(query)]


def last_labels(rows: Iterable[Labeled]) -> dict[str, Labeled]:
    """Of several labels of one text, whatever its case and punctuation, the last; by dedup_key."""
    return {dedup_key(row.text): row for row in rows}


def _insert(
    connection: Connection, rows: Sequence[Labeled], *, by: str, key: str | None, body_sha256: str
) -> Batch:
    added_at = now(connection)
    batch_id = connection.execute(
        insert(batches)
        .values(
            added_at=added_at,
            added_by=by,
            idempotency_key=key,
            body_sha256=body_sha256,
            rows=len(rows),
        )
        .returning(batches.c.id)
    ).scalar_one()
    connection.execute(insert(feedback), [{"batch_id": batch_id, **row._asdict()} for row in rows])
    return Batch(batch_id, len(rows), added_at, body_sha256)
