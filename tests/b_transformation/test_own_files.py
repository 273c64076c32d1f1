"""The stage on files of users: columns of any name, forms of dates and ids, few columns or one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.errors import DataError
from tests.b_transformation.runs import LENIENT, land_and_run, rows_of
from tests.b_transformation.tweets import FIELDS

CASES = Path(__file__).resolve().parents[1] / "cases"


def test_csv_with_nothing_but_texts(tmp_path: Path, shared_session: None) -> None:
    content = b"body\nThe parcel is late\n@teashop thanks\n\n@1\n"
    manifest = land_and_run(tmp_path, content, "ingestion.text_column=body", LENIENT[0])
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
