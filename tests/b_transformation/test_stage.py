"""The whole stage on a few rows, typed by hand: what it publishes, and what it does when it fails.

One run by its command serves most tests. The others run in this process, in the tests' session.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from a_ingestion import run as land
from b_transformation import run
from common.config.schema import Settings
from common.config.settings import load_settings
from common.errors import DataError
from common.stage.manifest import Manifest, find_manifest, verify_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
T, TIME = "Tue Oct 31 22:10:47 +0000 2017", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)
NAMES = ("tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id")
RAW = [
    ("1", "115", "True", T,
     "@TeaShop my kettle isn't here yet &amp; it was due Monday https://x.example/k", ""),
    ("2", "TeaShop", "False", T, "@115 Sorry! Write to help@teashop.example 😀", "1"),
    ("3", "115", "True", "Wed Nov 01 00:30:00 +0530 2017", "@TeaShop it is 12345", "2"),
    ("4", "TeaShop", "False", T, "@115 Found it, it leaves today.", "3"),
    ("5", "200", "True", "2017-11-02T08:00:00Z",
     "¿Dónde está mi pedido? Llevo dos semanas esperando la tetera", ""),
    ("6", "201", "True", T, "@unknownshop hello", ""),
    ("7", "202", "True", T, "I asked @TeaShop and @bikebarn, who can help me please?", ""),
    ("8", "BikeBarn", "False", T, "@202 We can, tell us more.", "7"),
    ("9", "203", "True", T, "nobody knows where the 09:15 is", "7777"),
    ("10", "204", "True", T, "same here, it is still not working", "9"),
    ("11", "205", "True", T, 'two\nlines, "quoted" and the end', ""),
    ("12", "206", "True", T, "😀😀", ""),
    ("13", "207", "True", T, "@TeaShop @115", ""),
    ("14", "208", "True", T, "", ""),
    ("15", "209", "True", T, "   ", ""),
    ("16", "210", "True", "yesterday", "where is my order", ""),
    ("17", "211", "True", "", "", ""),
    ("1.8E+18", "212", "True", T, "this id cannot be read", ""),
    ("19", "213", "maybe", T, "nor can this flag", ""),
    ("1", "214", "True", T, "the same id again", ""),
    ("21", "215", "True", T, "https://x.example/only", ""),
    ("22", "TeaShop", "False", T, "@207 How can we help?", "13"),
    ("23", "TeaShop", "False", T, "We open at nine", ""),
    ("24", "TeaShop", "False", T, "https://x.example/smile", "12"),
    ("25", "216", "True", T, "my card 4111 1111 1111 1111 was charged, call 020 7946 0000", ""),
    ("26.0", "217", "1", T, "Où est ma commande ? Je l'attends depuis trois semaines", "25.0"),
    ("27", "218", "true", T, "Где мой заказ, я жду его уже две недели", ""),
    ("28", "219", "True", T, "cafe\u0301 was closed and I want my money back", ""),
    ("29", "  ", "True", T, "thanks!", "4"),
    ("30", "220", "True", T, "is this thing on", "30"),
    ("31", "221", "True", T, "the queue is " + "very " * 60, ""),
]  # fmt: skip
FIELDS = ("tweet_id", "author_id", "created_at", "brand", "conversation_id", "is_opener", "text",
          "clean_text", "lang", "id", "inbound", "in_response_to_tweet_id")  # fmt: skip
_MESSAGES = [
    (1, "115", TIME, "TeaShop", 1, True, "@brand my kettle isn't here yet & it was due Monday",
     "@brand my kettle isn t here yet it was due monday", "en"),
    (3, "115", datetime(2017, 10, 31, 19, 0, tzinfo=UTC), "TeaShop", 1, False,
     "@brand it is 12345", "@brand it is 12345", "en"),
    (5, "200", datetime(2017, 11, 2, 8, 0, tzinfo=UTC), None, 5, True,
     "¿Dónde está mi pedido? Llevo dos semanas esperando la tetera",
     "dónde está mi pedido llevo dos semanas esperando la tetera", "es"),
    (6, "201", TIME, None, 6, True, "@brand hello", "@brand hello", "en"),
    (7, "202", TIME, "BikeBarn", 7, True, "I asked @brand and @brand, who can help me please?",
     "i asked @brand and @brand who can help me please", "en"),
    (9, "203", TIME, None, 7777, False, "nobody knows where the 09:15 is",
     "nobody knows where the 09 15 is", "en"),
    (10, "204", TIME, None, 7777, False, "same here, it is still not working",
     "same here it is still not working", "en"),
    (11, "205", TIME, None, 11, True, 'two lines, "quoted" and the end',
     "two lines quoted and the end", "en"),
    (12, "206", TIME, "TeaShop", 12, True, "😀😀", "", None),
    (25, "216", TIME, None, 25, True, "my card [card] was charged, call [phone]",
     "my card card was charged call phone", "en"),
    (26, "217", TIME, None, 25, False, "Où est ma commande ? Je l'attends depuis trois semaines",
     "où est ma commande je l attends depuis trois semaines", "fr"),
    (27, "218", TIME, None, 27, True, "Где мой заказ, я жду его уже две недели",
     "где мой заказ я жду его уже две недели", "ru"),
    (28, "219", TIME, None, 28, True, "caf\u00e9 was closed and I want my money back",
     "caf\u00e9 was closed and i want my money back", "en"),
    (29, None, TIME, "TeaShop", 1, False, "thanks!", "thanks", "en"),
    (30, "220", TIME, None, 30, True, "is this thing on", "is this thing on", "en"),
    (31, "221", TIME, None, 31, True, "the queue is " + "very " * 37 + "ve",
     "the queue is " + "very " * 37 + "ve", "en"),
]  # fmt: skip
# Columns of the source, as it writes them: the first row of each id.
CARRIED = {int(float(row[0])): (row[0], row[2], row[5]) for row in reversed(RAW)}
MESSAGES = [(*row, *CARRIED[row[0]]) for row in _MESSAGES]
REPLIES = [
    (1, "TeaShop", "@brand my kettle isn't here yet & it was due Monday",
     "@user Sorry! Write to [email] 😀"),
    (3, "TeaShop", "@brand it is 12345", "@user Found it, it leaves today."),
    (7, "BikeBarn", "I asked @brand and @brand, who can help me please?",
     "@user We can, tell us more."),
]  # fmt: skip
DROPPED = {
    "no readable tweet_id": 1,
    "no readable inbound flag": 1,
    "repeated tweet_id": 1,
    "outbound": 6,
    "no readable created_at": 2,
    "empty text": 2,
    "empty after cleaning": 2,
}
SPARK = ("spark.master=local[2]", "spark.driver_memory=1g", "spark.shuffle_partitions=2")
LENIENT = (
    "transformation.quality.max_null_share=0.5",
    "transformation.quality.max_duplicate_id_share=0.1",
)


def options(run_dir: Path, *more: str) -> list[str]:
    source = ("ingestion.source=csv", f"ingestion.csv={run_dir / 'in.csv'}")
    return [f"run_dir={run_dir}", *source, *SPARK, *more]


def settings_for(run_dir: Path, *more: str) -> Settings:
    return load_settings(overrides=options(run_dir, *more), profile="sample", environ={}).settings


def command(run_dir: Path, *more: str) -> list[str]:
    sets = [word for item in options(run_dir, *more) for word in ("--set", item)]
    return [sys.executable, "-m", "b_transformation", "--profile", "sample", *sets]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}


def rows_of(folder: Path) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in pq.read_table(folder).to_pylist())


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory in which the command has curated RAW, texts cut at 200 characters."""
    run_dir = tmp_path_factory.mktemp("run")
    with (run_dir / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *RAW])
    land(settings_for(run_dir))
    subprocess.run(
        command(run_dir, *LENIENT, "transformation.max_text_chars=200"),
        cwd=ROOT, env=environment(), check=True,
    )  # fmt: skip
    return run_dir


@pytest.fixture()
def copied(curated: Path, tmp_path: Path) -> Path:
    """The same run directory once more, to be spoilt."""
    return shutil.copytree(curated, tmp_path / "copy", symlinks=True)


@pytest.fixture()
def shared_session(spark: "SparkSession", monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage runs in the tests' session, which it must not stop."""
    monkeypatch.setattr(
        "b_transformation.stage.spark_session", lambda *args, **kwargs: nullcontext(spark)
    )


def test_messages(curated: Path) -> None:
    assert rows_of(curated / "data/curated/messages") == MESSAGES


def test_replies(curated: Path) -> None:
    assert rows_of(curated / "data/curated/replies") == REPLIES


def test_types(curated: Path) -> None:
    messages = pq.read_table(curated / "data/curated/messages").schema
    string, long, time_utc = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
    assert tuple(messages.names) == FIELDS
    assert messages.types == [
        long, string, time_utc, string, long, pa.bool_(), *[string] * 6,
    ]  # fmt: skip
    replies = pq.read_table(curated / "data/curated/replies").schema
    assert replies.names == ["message_id", "brand", "message", "reply"]
    assert replies.types == [long, string, string, string]


def test_manifest_counts_every_row_and_names_every_file(curated: Path) -> None:
    manifest = find_manifest(curated / "data/curated")
    assert manifest is not None
    assert (manifest.rows.taken, manifest.rows.out) == (31, 16)
    assert manifest.rows.dropped == DROPPED
    about = manifest.figures.pop("distinct_texts_about")
    assert 14 <= about <= 18
    assert manifest.figures == {
        "conversations": 19,
        "missing_parents": 1,
        "reply_cycles": 0,
        "threads_cut": 0,
        "texts_cut": 1,
        "texts_html": 0,
        "mails_cut": 0,
        "cut_mail": False,
        "mail_share": 0.0,
        "replies": 3,
        "brands": 2,
        "openers": 11,
        "with_brand": 5,
        "languages": {"en": 12, "es": 1, "fr": 1, "ru": 1, "unknown": 1},
    }
    verify_files(curated / "data/curated", manifest.outputs)
    folders = {Path(record.path).parts[0] for record in manifest.outputs}
    assert folders == {"messages", "replies"}
    assert [path.name for path in (curated / "data").glob(".curated.staging-*")] == []


def test_report_of_the_checks(curated: Path) -> None:
    report = json.loads((curated / "reports/quality.json").read_text(encoding="utf-8"))
    assert report["passed"] is True
    values = {check["name"]: check["value"] for check in report["checks"]}
    assert values["curated messages"] == "16"
    assert values["share of unusable rows"] == "0.2581"  # 8 of 31
    assert values["share of repeated ids"] == "0.0323"  # 1 of 31
    assert values["inbound share"] == "0.7857"  # 22 of 28
    assert values["first created_at"] == "2017-10-31T19:00:00+00:00"
    assert values["last created_at"] == "2017-11-02T08:00:00+00:00"
    assert report["texts"] == {
        "texts_cut": 1, "texts_html": 0, "mails_cut": 0, "cut_mail": False, "mail_share": 0.0,
    }  # fmt: skip
    assert report["columns"] == {
        "text": ["text"],
        "id": "tweet_id",
        "brand": None,
        "carried": ["inbound", "in_response_to_tweet_id"],
        "inbound flag": {"column": "inbound", "empty": 0, "unreadable": 1},
        "date": {
            "column": "created_at", "empty": 1, "unreadable": 1,
            "forms": ["Tue Oct 31 22:10:47 +0000 2017", "2017-10-31 22:10:47"],
        },
    }  # fmt: skip
    assert [(cause["rows"], cause["words"]) for cause in report["unusable"]] == [
        (2, "2 rows have no message (empty text)"),
        (2, "2 rows have no message (empty after cleaning)"),
        (1, "1 rows have no id in column 'tweet_id' that can be read: '1.8E+18' is a number that "
            "a spreadsheet has rounded"),
        (1, "1 rows have no inbound flag in column 'inbound' that can be read: 'maybe' is none of "
            "the words in docs/own_data.md"),
        (1, "1 rows have no date in column 'created_at', which is empty"),
        (1, "1 rows have no date in column 'created_at' that can be read: 'yesterday' has none of "
            "the forms in docs/own_data.md"),
    ]  # fmt: skip


def test_unchanged_second_run_does_nothing(curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("curated again")

    monkeypatch.setattr("b_transformation.stage.write_index", never)
    monkeypatch.setattr("b_transformation.stage.spark_session", never)
    settings = settings_for(curated, *LENIENT, "transformation.max_text_chars=200")
    assert run(settings) == find_manifest(curated / "data/curated")


def test_failed_check_publishes_nothing(copied: Path, shared_session: None) -> None:
    before = find_manifest(copied / "data/curated")
    with pytest.raises(DataError) as caught:
        run(settings_for(copied))
    assert "share of unusable rows is 0.2581, must be at most 0.0500" in str(caught.value)
    assert "by transformation.quality.max_null_share: 2 rows have" in str(caught.value)
    assert "share of repeated ids is 0.0323, must be at most 0.0100" in str(caught.value)
    assert "kettle" not in str(caught.value)
    assert find_manifest(copied / "data/curated") == before
    assert rows_of(copied / "data/curated/messages") == MESSAGES
    report = json.loads((copied / "reports/quality.json").read_text(encoding="utf-8"))
    assert report["passed"] is False

    shutil.rmtree((copied / "data/curated").resolve())
    (copied / "data/curated").unlink()
    with pytest.raises(DataError, match="nothing was published"):
        run(settings_for(copied))
    assert not (copied / "data/curated").exists()


def test_csv_with_nothing_but_texts(tmp_path: Path, shared_session: None) -> None:
    (tmp_path / "in.csv").write_text(
        "body\nThe parcel is late\n@teashop thanks\n\n@1\n", encoding="utf-8"
    )
    settings = settings_for(tmp_path, "ingestion.text_column=body", LENIENT[0])
    land(settings)
    manifest = run(settings)
    landed = pq.read_table(tmp_path / "data/raw/messages").to_pylist()
    row = {entry["body"]: entry["source_row"] for entry in landed}
    first, second = row["The parcel is late"], row["@teashop thanks"]
    assert rows_of(tmp_path / "data/curated/messages") == [
        (first, None, None, None, first, True, "The parcel is late", "the parcel is late", "en",
         str(first)),
        (second, None, None, None, second, True, "@brand thanks", "@brand thanks", "en",
         str(second)),
    ]  # fmt: skip
    schema = pq.read_table(tmp_path / "data/curated/messages").schema
    assert tuple(schema.names) == FIELDS[:10]
    assert schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert rows_of(tmp_path / "data/curated/replies") == []
    assert manifest.rows.out == 2
    assert manifest.rows.dropped["empty after cleaning"] == 1
    assert manifest.figures["replies"] == manifest.figures["brands"] == 0


def land_and_run(run_dir: Path, content: bytes, *more: str) -> Manifest:
    (run_dir / "in.csv").write_bytes(content)
    settings = settings_for(run_dir, *more)
    land(settings)
    return run(settings)


def test_quarantine_counts_as_unusable(tmp_path: Path, shared_session: None) -> None:
    good = b"".join(b"good text number %d,mail\n" % number for number in range(20))
    bad = b"".join(b"three,fields,%d\n" % number for number in range(40))
    with pytest.raises(DataError) as caught:
        land_and_run(tmp_path, b"text,channel\n" + good + bad)
    assert (
        "share of unusable rows is 0.6667, must be at most 0.0500 by "
        "transformation.quality.max_null_share: 40 records are in quarantine: wrong number of "
        "columns; set DELIMITER=, as DELIMITER=';', or quote the fields that hold one"
    ) in str(caught.value)
    assert not (tmp_path / "data/curated").exists()


def test_few_records_in_quarantine_pass(tmp_path: Path, shared_session: None) -> None:
    good = b"".join(b"good text number %d,mail\n" % number for number in range(60))
    manifest = land_and_run(tmp_path, b"text,channel\n" + good + b"these,three,fields\n")
    assert (manifest.rows.taken, manifest.rows.out) == (60, 60)
    report = json.loads((tmp_path / "reports/quality.json").read_text(encoding="utf-8"))
    values = {check["name"]: check["value"] for check in report["checks"]}
    assert values["share of unusable rows"] == "0.0164"  # 1 of 61


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("created_at,text", "31. Jan,where is it {n}",
         "3 rows have no date in column 'created_at' that can be read: '31. Jan' has none of the "
         "forms in docs/own_data.md; write it as 2024-01-31T09:05:00Z, or DATE_COLUMN=none leaves "
         "the dates out"),
        ("tweet_id,text", "7.9155{n}E+17,where is it {n}",
         "3 rows have no id in column 'tweet_id' that can be read: '7.91550E+17' is a number that "
         "a spreadsheet has rounded; export ids as text, or ID_COLUMN=none numbers the rows"),
        ("inbound,text", "hm {n},where is it {n}",
         "3 rows have no inbound flag in column 'inbound' that can be read: 'hm 0' is none of the "
         "words in docs/own_data.md; write True or False, or INBOUND_COLUMN=none"),
        ("tweet_id,text", "TKT-1,where is it {n}",
         "share of repeated ids is 0.6667, must be at most 0.0100 by "
         "transformation.quality.max_duplicate_id_share: column 'tweet_id' is no id"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_read_is_named_with_the_remedy(
    tmp_path: Path, shared_session: None, header: str, row: str, message: str
) -> None:
    rows = [row.format(n=number) for number in range(3)]
    content = "\n".join([header, *rows]).encode()
    with pytest.raises(DataError) as caught:
        land_and_run(tmp_path, content)
    assert message in str(caught.value)
    column = header.partition(",")[0]
    setting = {"created_at": "date_column", "tweet_id": "id_column", "inbound": "inbound_column"}
    assert land_and_run(tmp_path, content, f"ingestion.{setting[column]}=none").rows.out == 3


@pytest.mark.parametrize("name", ["dates_eu", "dates_rfc", "dates_epoch"])
def test_dates_of_the_cases(tmp_path: Path, shared_session: None, name: str) -> None:
    manifest = land_and_run(tmp_path, (CASES / f"{name}.csv").read_bytes())
    assert manifest.rows.dropped == {}
    first = pq.read_table(tmp_path / "data/curated/messages").sort_by("created_at")[:1].to_pylist()
    expected = {
        "dates_eu": datetime(2024, 1, 31, 9, 5, tzinfo=UTC),
        "dates_rfc": datetime(2024, 1, 31, 9, 5, tzinfo=UTC),
        "dates_epoch": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    }
    assert (first[0]["created_at"], first[0]["id"]) == (expected[name], "0")


def test_ids_that_a_spreadsheet_has_rounded(tmp_path: Path, shared_session: None) -> None:
    content = (CASES / "ids_scientific.csv").read_bytes()
    with pytest.raises(DataError, match=r"'7\.91557E\+17' is a number that a spreadsheet has"):
        land_and_run(tmp_path, content)
    manifest = land_and_run(tmp_path, content, "ingestion.id_column=none")
    rows = pq.read_table(tmp_path / "data/curated/messages").sort_by("tweet_id").to_pylist()
    assert (manifest.rows.dropped, len(rows)) == ({}, 30)
    assert [(row["tweet_id"], row["id"]) for row in rows[:2]] == [(1, "1"), (2, "2")]
    assert rows[0]["source_tweet_id"] == "7.91557E+17"


@pytest.mark.parametrize(
    ("name", "text_column"),
    [
        ("dotted_column", "ticket.message"),
        ("column_named_0", "0"),
        ("colon_column", "Message: body"),
    ],
)
def test_text_columns_of_the_cases(
    tmp_path: Path, shared_session: None, name: str, text_column: str
) -> None:
    manifest = land_and_run(
        tmp_path, (CASES / f"{name}.csv").read_bytes(), f"ingestion.text_column={text_column}"
    )
    assert (manifest.rows.out, manifest.rows.dropped) == (manifest.rows.taken, {})


def test_unlanded_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run `make data_ingestion` first"):
        run(settings_for(tmp_path))


@pytest.mark.slow()
def test_killed_while_spark_writes(copied: Path, shared_session: None) -> None:
    more = (*LENIENT, "transformation.max_text_chars=100")
    with (copied / "log").open("w") as log:
        process = subprocess.Popen(
            command(copied, *more), cwd=ROOT, env=environment(), stderr=log, start_new_session=True
        )
    being_written = "data/.curated.staging-*/messages/_temporary/*/_temporary/*/part-*.parquet"
    deadline = time.monotonic() + 200
    while not list(copied.glob(being_written)):
        assert process.poll() is None, "the stage ended before it was killed"
        assert time.monotonic() < deadline, "nothing to kill in 200 seconds"
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list((copied / "data").glob(".curated.staging-*/manifest.json"))
    assert rows_of(copied / "data/curated/messages") == MESSAGES
    assert rows_of(copied / "data/curated/replies") == REPLIES

    run(settings_for(copied, *more))
    cut = "the queue is " + "very " * 17 + "ve"
    shorter = (*MESSAGES[-1][:6], cut, cut, *MESSAGES[-1][8:])
    assert rows_of(copied / "data/curated/messages") == [*MESSAGES[:-1], shorter]
    assert rows_of(copied / "data/curated/replies") == REPLIES
    assert not list((copied / "data").glob(".curated.staging-*"))
