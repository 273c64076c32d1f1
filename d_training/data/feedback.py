"""Labels that people gave: out of the store, into a snapshot and among the rows that train.

data/feedback/feedback.parquet (text, label; the last label of each text) is what a training
read. Its digest is among the experiment's inputs, so that new labels make a new experiment, and
the same ones the same.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common.config.paths import Paths
from common.config.schema import Settings
from common.labels import LabelSchema
from common.stage.manifest import FileRecord, RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from common.store import Labeled, has_store
from common.text import dedup_key
from d_training.data.rows import Rows

FILE = "feedback.parquet"
_HASH_BITS = 62


@dataclass(frozen=True)
class Feedback:
    """rows: one a text, natural and sorted; content: the snapshot's bytes; counts: of all rows."""

    rows: tuple[Labeled, ...]
    content: bytes
    counts: RowCounts

    @property
    def record(self) -> FileRecord:
        """The snapshot as an input of the experiment."""
        digest = hashlib.sha256(self.content).hexdigest()
        return FileRecord(path=f"feedback/{FILE}", bytes=len(self.content), sha256=digest)


def find_feedback(settings: Settings, schema: LabelSchema) -> Feedback | None:
    """What people have labeled so far with labels of this schema; None where it is nothing."""
    if not has_store(settings):
        return None
    from common.store.engine import open_store
    from common.store.feedback import last_labels, read_feedback

    engine = open_store(settings)
    try:
        rows = read_feedback(engine)
    finally:
        engine.dispose()
    known = [row for row in rows if row.label in schema.names]
    last = last_labels(known)
    if not last:
        return None
    kept = tuple(sorted(last.values()))
    dropped = Counter(
        {
            "not a label of the schema": len(rows) - len(known),
            "labeled again later": len(known) - len(kept),
        }
    )
    counts = RowCounts(taken=len(rows), out=len(kept), dropped=dict(+dropped))
    return Feedback(kept, _parquet(kept), counts)


def publish_feedback(paths: Paths, feedback: Feedback) -> None:
    """Bring data/feedback up to date."""

    def build(folder: Path) -> Built:
        (folder / FILE).write_bytes(feedback.content)
        return Built(feedback.counts, {})

    plan = plan_stage("feedback", code=(), settings=feedback.record, inputs=())
    run_stage(plan, output=paths.feedback, build=build)


def with_feedback(rows: Rows, feedback: Feedback, schema: LabelSchema) -> Rows:
    """The rows with people's labels: in place of the teacher's, and texts that only they have."""
    one_hot = np.eye(len(schema.names), dtype=np.float32)
    given = {dedup_key(row.text): one_hot[schema.names.index(row.label)] for row in feedback.rows}
    keys = [dedup_key(text) for text in rows.texts]
    known = set(keys)
    new = [row for row in feedback.rows if dedup_key(row.text) not in known]
    human = np.array([key in given for key in keys], np.bool_)
    scores = np.array([given.get(key, own) for key, own in zip(keys, rows.scores, strict=True)])
    ids = np.array([_new_id(row.text) for row in new], np.int64)
    labels = np.array([given[dedup_key(row.text)] for row in new], np.float32)
    return Rows(
        tweet_ids=np.concatenate([rows.tweet_ids, ids]),
        conversations=np.concatenate([rows.conversations, ids]),
        texts=np.concatenate([rows.texts, np.array([row.text for row in new], object)]),
        scores=np.concatenate(
            [scores.reshape(rows.scores.shape), labels.reshape(-1, len(schema.names))]
        ).astype(np.float32),
        abstained=np.concatenate([rows.abstained & ~human, np.zeros(len(new), np.bool_)]),
        human=np.concatenate([human, np.ones(len(new), np.bool_)]),
    )


def _new_id(natural: str) -> int:
    """Below 0, where no source has ids, and the same whatever else was labeled."""
    digest = hashlib.sha256(dedup_key(natural).encode()).digest()
    return -1 - (int.from_bytes(digest[:8], "big") >> (64 - _HASH_BITS))


def _parquet(rows: tuple[Labeled, ...]) -> bytes:
    table = pa.table(
        {
            "text": pa.array([row.text for row in rows], pa.string()),
            "label": pa.array([row.label for row in rows], pa.string()),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written
