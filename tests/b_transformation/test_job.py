from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from b_transformation.columns.raw_columns import raw_names, read_raw_columns
from b_transformation.job import Cleaned, Sources, write_messages, write_replies
from b_transformation.threading.index import write_index
from common.config.transformation import TransformationSettings
from common.tables.columns.roles import find_roles

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SETTINGS = TransformationSettings(max_text_chars=20, detect_language=False)
T, TIME = "2017-10-31T22:10:47Z", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)
NAMES = ("tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id")
RAW = [
    ("1", " 7 ", "True", T, "@tea it's late", None),
    ("2", "Tea", "False", T, "@7 on its way", "1"),
    ("3", "Tea", "False", T, "@7 sorry", "1"),
    ("4", "8", "True", None, None, None),  # no time comes before no text
    ("5", "8", "True", T, None, None),
    ("6", "8", "True", T, "@7 @tea", None),
    ("7", None, "True", T, "a text of more letters", "2"),
    ("8", "Tea", "False", T, "to a message without a time", "4"),
    ("9", "Tea", "False", T, None, "7"),
    ("10", "Tea", "False", T, "another answer of many", "7"),
]
MESSAGES = [
    (1, "7", TIME, "Tea", 1, True, "@brand it's late", "@brand it s late", None, "1",
     "True", None),
    (7, None, TIME, "Tea", 1, False, "a text of more lette", "a text of more lette", None, "7",
     "True", "2"),
]  # fmt: skip
REPLIES = [
    (1, "Tea", "@brand it's late", "@user on its way"),
    (1, "Tea", "@brand it's late", "@user sorry"),
    (7, "Tea", "a text of more lette", "another answer of ma"),
]


class Ran(NamedTuple):
    cleaned: Cleaned
    dropped: dict[str, int]
    messages: list[tuple[Any, ...]]
    replies: list[tuple[Any, ...]]


def rows_of(folder: Path) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in pq.read_table(folder).to_pylist())


def run_job(
    spark: "SparkSession",
    folder: Path,
    *files: dict[str, list[Any]],
    text_column: str = "text",
    **optional: str,
) -> Ran:
    """Each file of data/raw/messages as columns; ``source_row`` is given."""
    raw_folder, scratch = folder / "raw", folder / "scratch"
    raw_folder.mkdir()
    scratch.mkdir()
    for number, columns in enumerate(files):
        table = pa.table({
            name: pa.array(values, pa.int64() if name == "source_row" else pa.string())
            for name, values in columns.items()
        })  # fmt: skip
        pq.write_table(table, raw_folder / f"part-{number}.parquet")
    roles = find_roles(
        raw_names(raw_folder), name="raw", text_column=text_column, optional=optional
    )
    raw = read_raw_columns(raw_folder, roles)
    index = write_index(raw, scratch, rounds=32)
    sources = Sources(raw_folder, roles, scratch)
    messages, replies = folder / "messages", folder / "replies"
    cleaned = write_messages(spark, sources, messages, brands=index.brands, settings=SETTINGS)
    write_replies(spark, sources, messages, replies, settings=SETTINGS)
    return Ran(cleaned, index.dropped, rows_of(messages), rows_of(replies))


def as_columns(rows: list[tuple[Any, ...]], *, start: int) -> dict[str, list[Any]]:
    values = zip(*rows, strict=True)
    columns: dict[str, list[Any]] = {
        name: list(column) for name, column in zip(NAMES, values, strict=True)
    }
    return {**columns, "source_row": list(range(start, start + len(rows)))}


def test_rows_of_every_kind(spark: "SparkSession", tmp_path: Path) -> None:
    files = as_columns(RAW[:6], start=1), as_columns(RAW[6:], start=7)
    ran = run_job(spark, tmp_path, *files)
    assert ran.messages == MESSAGES
    assert ran.replies == REPLIES
    assert ran.dropped["no readable created_at"] == 1
    assert ran.cleaned.dropped == {"empty text": 1, "empty after cleaning": 1}
    assert ran.cleaned.figures["texts_cut"] == 1


def test_what_a_source_does_not_have_is_null(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "body": ["where is it", "", None, "@7"],
        "source_row": [2, 3, 5, 6],
    }
    ran = run_job(spark, tmp_path, columns, text_column="body")
    assert ran.messages == [(2, None, None, None, 2, True, "where is it", "where is it", None, "2")]
    assert ran.replies == []
    assert ran.dropped["no readable created_at"] == 0
    assert ran.cleaned.dropped == {"empty text": 2, "empty after cleaning": 1}


def test_repeated_id_brings_only_the_first_row(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "tweet_id": ["1", "1", "2", "2"],
        "text": ["first", "second", "third", "fourth"],
        "source_row": [1, 2, 3, 4],
    }
    ran = run_job(spark, tmp_path, columns)
    assert [(row[0], row[6]) for row in ran.messages] == [(1, "first"), (2, "third")]


def test_written_again_it_replaces_what_was_there(spark: "SparkSession", tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "part-left.parquet").write_bytes(b"not parquet")
    ran = run_job(spark, tmp_path, {"text": ["hi"], "source_row": [1]})
    assert [row[6] for row in ran.messages] == ["hi"]


def test_a_column_of_the_texts_own_name(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "author_id": ["7"],
        "raw_text": ["hi there"],
        "source_row": [1],
    }
    ran = run_job(spark, tmp_path, columns, text_column="raw_text")
    assert [(row[1], row[6]) for row in ran.messages] == [("7", "hi there")]


def test_the_text_may_be_in_a_column_that_has_a_meaning(
    spark: "SparkSession", tmp_path: Path
) -> None:
    columns: dict[str, list[Any]] = {"author_id": ["who am I"], "source_row": [1]}
    ran = run_job(spark, tmp_path, columns, text_column="author_id")
    assert [(row[1], row[6]) for row in ran.messages] == [("who am I", "who am I")]


def test_columns_of_any_name_come_back_unchanged(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "ticket.message": ["where is it", "still nothing"],
        "a `b` c": [" x ", None],
        'reason, "so"\nto say': ["=1+1", "007"],
        "Text": ["mine", "mine too"],
        "cleaned.text": ["1", "2"],
        "0": ["é", "😀"],
        "reason": ["late", ""],
        "source_row": [1, 2],
    }
    run_job(spark, tmp_path, columns, text_column="ticket.message")
    table = pq.read_table(tmp_path / "messages").sort_by("tweet_id")
    assert table.column_names[:10] == [
        "tweet_id", "author_id", "created_at", "brand", "conversation_id", "is_opener", "text",
        "clean_text", "lang", "id",
    ]  # fmt: skip
    assert table["text"].to_pylist() == ["where is it", "still nothing"]
    assert {name: table[name].to_pylist() for name in table.column_names[10:]} == {
        "a `b` c": [" x ", None],
        'reason, "so"\nto say': ["=1+1", "007"],
        "source_Text": ["mine", "mine too"],
        "cleaned.text": ["1", "2"],
        "0": ["é", "😀"],
        "reason": ["late", ""],
    }


def test_ids_of_their_own_several_texts_and_a_brand(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "Ticket": ["TKT-1", " 007", "7", "TKT-1"],
        "Shop": ["Tea", " ", None, "Bike"],
        "subject": ["Late", "", "Thanks", "Again"],
        "body": ["Where is it?", "Refund", None, "Again"],
        "source_row": [1, 2, 3, 4],
    }
    ran = run_job(
        spark, tmp_path, columns, text_column="subject,body", id_column="Ticket",
        brand_column="Shop",
    )  # fmt: skip
    keys = {"TKT-1": 4_018_465_833_370_478_037, " 007": 3_553_241_685_104_100_998, "7": 7}
    table = pq.read_table(tmp_path / "messages").select(["id", "text", "brand", "Ticket"])
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == [
        (" 007", "Refund", None, " 007"),
        ("7", "Thanks", None, "7"),
        ("TKT-1", "Late Where is it?", "Tea", "TKT-1"),
    ]
    assert {row[9]: row[0] for row in ran.messages} == keys
    assert ran.dropped["repeated tweet_id"] == 1


def test_replies_by_ids_of_their_own_make_threads(spark: "SparkSession", tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "tweet_id": ["T-1", "T-2", "T-3"],
        "author_id": ["7", "Tea", "7"],
        "inbound": ["customer", "agent", "customer"],
        "in_response_to_tweet_id": [None, "T-1", " T-2 "],
        "text": ["late", "sorry", "thanks"],
        "source_row": [1, 2, 3],
    }
    ran = run_job(spark, tmp_path, columns)
    first, last = sorted(ran.messages, key=lambda row: str(row[9]))
    assert (first[9], last[9], last[4]) == ("T-1", "T-3", first[0])
    assert (first[3], last[3]) == ("Tea", "Tea")
    assert ran.replies == [(first[0], "Tea", "late", "sorry")]
