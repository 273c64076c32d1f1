"""The whole stage on a few rows, typed by hand: what it publishes, and what it does when it fails.

One run by its command serves most tests. The others run in this process, in the tests' session.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from a_ingestion import run as land
from b_transformation import run
from common.errors import DataError
from common.stage.manifest import find_manifest, verify_files
from tests.b_transformation.runs import LENIENT, command, environment, rows_of, settings_for
from tests.b_transformation.tweets import DROPPED, FIELDS, MESSAGES, NAMES, RAW, REPLIES

ROOT = Path(__file__).resolve().parents[2]


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


def test_joins_of_spark_curate_the_same(copied: Path, shared_session: None) -> None:
    """As they do above spark.driver_rows; the limits make the key another one."""
    before = find_manifest(copied / "data/curated")
    assert before is not None
    more = ("transformation.max_text_chars=200", "transformation.quality.min_rows=2")
    manifest = run(settings_for(copied, *LENIENT, *more, "spark.driver_rows=0"))
    assert manifest.key != before.key
    assert (manifest.rows, manifest.figures) == (before.rows, before.figures)
    assert rows_of(copied / "data/curated/messages") == MESSAGES
    assert rows_of(copied / "data/curated/replies") == REPLIES
    report = json.loads((copied / "reports/quality.json").read_text(encoding="utf-8"))
    assert report["columns"]["date"]["forms"] == [
        "Tue Oct 31 22:10:47 +0000 2017",
        "2017-10-31 22:10:47",
    ]


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
