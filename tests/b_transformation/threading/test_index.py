from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING
from b_transformation.columns.raw_columns import RawColumns
from b_transformation.threading.index import (
    ANSWERS,
    BY_BRAND,
    NO_DIRECTION,
    NO_ID,
    NO_TIME,
    QUESTIONS,
    REPEATED,
    Index,
    write_index,
)

QUESTION_FIELDS = [
    ("source_row", pa.int64()),
    ("tweet_id", pa.int64()),
    ("conversation_id", pa.int64()),
    ("is_opener", pa.bool_()),
    ("replied_to", pa.string()),
    ("in_thread", pa.string()),
]
ANSWER_FIELDS = [
    ("source_row", pa.int64()),
    ("question_id", pa.int64()),
    ("brand", pa.string()),
]


def raw_columns(*rows: tuple[Any, ...], with_authors: bool = True) -> RawColumns:
    """Each row: tweet_id, id replied to, direction, author; source rows count from 1."""
    ids, parents, directions, authors = zip(*rows, strict=True) if rows else ((),) * 4
    return RawColumns(
        source_rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        tweet_ids=np.array(ids, np.int64),
        parent_ids=np.array(parents, np.int64),
        directions=np.array(directions, np.int8),
        authors=pa.array(authors, pa.string()).dictionary_encode() if with_authors else None,
    )


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.fixture()
def write(tmp_path: Path) -> Any:
    def write_rows(
        *rows: tuple[Any, ...], with_authors: bool = True
    ) -> tuple[Index, list[Any], list[Any]]:
        index = write_index(raw_columns(*rows, with_authors=with_authors), tmp_path, rounds=32)
        return index, rows_of(tmp_path / QUESTIONS), rows_of(tmp_path / ANSWERS)

    return write_rows


def test_rows_of_every_kind(write: Any, tmp_path: Path) -> None:
    index, questions, answers = write(
        (10, NOTHING, INBOUND, "7"),
        (11, 10, OUTBOUND, "Tea"),
        (12, 11, INBOUND, "7"),
        (10, NOTHING, INBOUND, "8"),  # 10 again
        (NOTHING, NOTHING, INBOUND, "8"),
        (13, NOTHING, UNKNOWN, "8"),
        (NOTHING, 10, UNKNOWN, "8"),
        (14, 99, INBOUND, "9"),  # 99 is nowhere
        (15, 13, OUTBOUND, "Bike"),  # 13 was dropped
        (16, 11, OUTBOUND, "Tea"),  # a brand that goes on talking
        (17, 12, OUTBOUND, "  "),  # a brand without a name
        (5, NOTHING, INBOUND, None),
    )
    assert questions == [
        (1, 10, 10, True, None, "Tea"),
        (3, 12, 10, False, "Tea", "Tea"),
        (8, 14, 99, False, None, None),
        (12, 5, 5, True, None, None),
    ]
    assert answers == [(2, 10, "Tea"), (11, 12, None)]
    assert (index.questions, index.answers) == (4, 2)
    assert index.dropped == {NO_ID: 2, NO_DIRECTION: 1, REPEATED: 1, BY_BRAND: 4, NO_TIME: 0}
    assert index.questions + sum(index.dropped.values()) == 12
    assert sorted(index.brands) == ["Bike", "Tea"]
    assert index.figures == {
        "conversations": 4,
        "missing_parents": 2,
        "reply_cycles": 0,
        "threads_cut": 0,
    }
    assert list(zip(*_schema(tmp_path / QUESTIONS), strict=True)) == QUESTION_FIELDS
    assert list(zip(*_schema(tmp_path / ANSWERS), strict=True)) == ANSWER_FIELDS


def _schema(path: Path) -> tuple[Any, Any]:
    schema = pq.read_schema(path)
    return schema.names, schema.types


def test_of_repeated_ids_the_first_readable_row_is_kept(write: Any) -> None:
    index, questions, _ = write(
        (20, NOTHING, UNKNOWN, "1"),
        (20, NOTHING, INBOUND, "1"),
        (21, NOTHING, INBOUND, "1"),
        (20, 21, INBOUND, "1"),
        (20, NOTHING, OUTBOUND, "Tea"),
    )
    assert questions == [(2, 20, 20, True, None, None), (3, 21, 21, True, None, None)]
    assert index.dropped == {NO_ID: 0, NO_DIRECTION: 1, REPEATED: 2, BY_BRAND: 0, NO_TIME: 0}
    assert index.brands == ()


def test_both_files_come_in_the_order_of_the_source(write: Any) -> None:
    _, questions, answers = write(
        (9, NOTHING, INBOUND, "1"),
        (8, 2, OUTBOUND, "Tea"),
        (7, 9, OUTBOUND, "Tea"),
        (2, NOTHING, INBOUND, "1"),
    )
    assert [row[:2] for row in questions] == [(1, 9), (4, 2)]
    assert answers == [(2, 2, "Tea"), (3, 9, "Tea")]


def test_replies_in_a_circle_and_to_itself(write: Any) -> None:
    index, questions, _ = write(
        (31, 32, INBOUND, "1"), (32, 31, INBOUND, "2"), (33, 32, INBOUND, "3"),
        (40, 40, INBOUND, "4"),
    )  # fmt: skip
    assert [row[1:4] for row in questions] == [
        (31, 31, True),
        (32, 31, False),
        (33, 31, False),
        (40, 40, True),
    ]
    assert (index.figures["reply_cycles"], index.figures["conversations"]) == (1, 2)


def test_nothing_but_texts(write: Any) -> None:
    rows = [(n, NOTHING, INBOUND, None) for n in (1, 2, 3)]
    index, questions, answers = write(*rows, with_authors=False)
    assert questions == [(n, n, n, True, None, None) for n in (1, 2, 3)]
    assert answers == []
    assert (index.brands, sum(index.dropped.values())) == ((), 0)


def test_no_rows(write: Any) -> None:
    index, questions, answers = write()
    assert (questions, answers, index.brands) == ([], [], ())
    assert (index.questions, index.answers, sum(index.dropped.values())) == (0, 0, 0)


def test_authors_that_only_the_dictionary_names_are_no_brands(tmp_path: Path) -> None:
    raw = raw_columns((1, NOTHING, INBOUND, "7"), (2, 1, OUTBOUND, "Tea"))
    dictionary = pa.array(["", "Unused", "7", "Tea"], pa.string())
    authors = pa.DictionaryArray.from_arrays(pa.array([2, 3], pa.int32()), dictionary)
    index = write_index(raw._replace(authors=authors), tmp_path, rounds=32)
    assert index.brands == ("Tea",)
    assert rows_of(tmp_path / ANSWERS) == [(2, 1, "Tea")]


def test_questions_without_a_date_are_dropped_and_their_threads_stay(tmp_path: Path) -> None:
    raw = raw_columns(
        (1, NOTHING, INBOUND, "7"),
        (2, 1, OUTBOUND, "Tea"),
        (3, 2, INBOUND, "7"),
    )
    dates = np.array(["NaT", "NaT", "2024-01-31T09:05:00"], "datetime64[us]")
    index = write_index(raw._replace(dates=dates), tmp_path, rounds=32)
    table = pq.read_table(tmp_path / QUESTIONS)
    assert table["tweet_id"].to_pylist() == [3]
    assert table["conversation_id"].to_pylist() == [1]
    assert table["created_at"].to_pylist() == [datetime(2024, 1, 31, 9, 5, tzinfo=UTC)]
    assert (index.dropped[NO_TIME], index.dropped[BY_BRAND]) == (1, 1)
    assert rows_of(tmp_path / ANSWERS) == [(2, 1, "Tea")]
