"""People's labels among the rows that train."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.labels import Label, LabelSchema
from common.stage.manifest import find_manifest
from common.store import Labeled
from common.store.engine import open_store
from common.store.feedback import add_batch
from d_training.data.feedback import FILE, Feedback, find_feedback, publish_feedback, with_feedback
from d_training.data.rows import Rows

SCHEMA = LabelSchema(
    catch_all="rest",
    labels=tuple(Label(name=n, description="d", hypotheses=("h",)) for n in ("bill", "rest")),
)


def tell(settings: Settings, *rows: tuple[str, str]) -> None:
    engine = open_store(settings)
    add_batch(engine, [Labeled(*r) for r in rows], by="ada", key=None, body_sha256="0" * 64)
    engine.dispose()


def found(settings: Settings) -> Feedback:
    feedback = find_feedback(settings, SCHEMA)
    assert feedback is not None
    return feedback


def weak(*texts: str) -> Rows:
    n = len(texts)
    return Rows(
        tweet_ids=np.arange(n),
        conversations=np.arange(n) + 100,
        texts=np.array(texts, object),
        scores=np.array([[0.75, 0.25]] * n, np.float32),
        abstained=np.array([True] * n),
        human=np.zeros(n, bool),
    )


def test_without_a_store_there_is_none_and_none_is_made(tmp_path: Path) -> None:
    assert find_feedback(Settings(run_dir=tmp_path), SCHEMA) is None
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_is_none_too(store_settings: Settings) -> None:
    open_store(store_settings).dispose()
    assert find_feedback(store_settings, SCHEMA) is None


def test_the_last_label_of_a_text_holds_and_all_rows_are_counted(store_settings: Settings) -> None:
    tell(store_settings, ("My bill!", "rest"), ("hello", "rest"), ("old", "gone from the schema"))
    tell(store_settings, ("my bill", "bill"))
    feedback = found(store_settings)
    assert feedback.rows == (("hello", "rest"), ("my bill", "bill"))
    assert (feedback.counts.taken, feedback.counts.out) == (4, 2)
    assert feedback.counts.dropped == {"not a label of the schema": 1, "labeled again later": 1}


def test_the_snapshot_is_what_its_record_says(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path)
    tell(settings, ("my bill", "bill"), ("hello", "rest"))
    feedback = found(settings)
    publish_feedback(settings.paths, feedback)
    manifest = find_manifest(tmp_path / "data" / "feedback")
    assert manifest is not None
    (record,) = manifest.outputs
    assert record.sha256 == feedback.record.sha256
    assert record.bytes == feedback.record.bytes
    table = pq.read_table(tmp_path / "data" / "feedback" / FILE)
    assert table.to_pylist() == [
        {"text": "hello", "label": "rest"},
        {"text": "my bill", "label": "bill"},
    ]


def test_the_same_labels_make_the_same_snapshot_however_they_came(tmp_path: Path) -> None:
    one, other = Settings(run_dir=tmp_path / "one"), Settings(run_dir=tmp_path / "other")
    tell(one, ("a", "bill"), ("b", "rest"))
    tell(other, ("b", "bill"))
    tell(other, ("b", "rest"))
    tell(other, ("a", "bill"))
    assert found(one).record == found(other).record
    tell(other, ("c", "bill"))
    assert found(one).record != found(other).record


def test_a_persons_label_takes_the_teachers_place(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path)
    tell(settings, ("my BILL", "rest"), ("new text", "bill"))
    rows = with_feedback(weak("My bill!", "hello", "my bill"), found(settings), SCHEMA)
    assert rows.texts.tolist() == ["My bill!", "hello", "my bill", "new text"]
    assert rows.human.tolist() == [True, False, True, True]
    assert rows.scores.tolist() == [[0, 1], [0.75, 0.25], [0, 1], [1, 0]]
    assert rows.abstained.tolist() == [False, True, False, False]
    assert rows.tweet_ids[:3].tolist() == [0, 1, 2]
    assert rows.tweet_ids[3] < 0
    assert rows.conversations.tolist() == [100, 101, 102, rows.tweet_ids[3]]
    assert rows.scores.dtype == np.float32


@pytest.mark.parametrize("others", [(), (("another", "rest"), ("a third", "bill"))])
def test_the_id_of_a_new_text_depends_on_nothing_else(
    tmp_path: Path, others: tuple[Any, ...]
) -> None:
    settings = Settings(run_dir=tmp_path)
    tell(settings, ("new text", "bill"), *others)
    rows = with_feedback(weak("hello"), found(settings), SCHEMA)
    ids = dict(zip(rows.texts.tolist(), rows.tweet_ids.tolist(), strict=True))
    # -1 - the upper 62 bits of sha256("new text")
    assert ids["new text"] == -1 - (int(SHA_OF_NEW_TEXT, 16) >> 2)


SHA_OF_NEW_TEXT = "cb0208b0b1fa06bc"
