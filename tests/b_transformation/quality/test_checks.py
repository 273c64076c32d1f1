import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from b_transformation.quality.causes import Cause
from b_transformation.quality.checks import Check, check_quality, require_passed, write_report
from b_transformation.quality.written import Written
from common.config.transformation import QualitySettings
from common.errors import DataError

NOW = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
WRITTEN = Written(
    rows=1200,
    distinct_ids=1200,
    nulls_in_keys={"tweet_id": 0, "text": 0},
    first_created_at=datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC),
    last_created_at=datetime(2017, 12, 3, tzinfo=UTC),
    languages={"en": 1200},
    openers=700,
    with_brand=1100,
)
SEEN = {"raw_rows": 2000, "unusable_rows": 20, "repeated_ids": 10, "inbound_share": 0.6, "now": NOW}


def checks(
    written: Written = WRITTEN, *, limits: dict[str, Any] | None = None, **seen: Any
) -> list[Check]:
    return check_quality(written, QualitySettings(**limits or {}), **{**SEEN, **seen})


def test_each_check_names_the_value_and_its_limit() -> None:
    assert checks() == [
        ("curated messages", "1,200", "at least 1", True),
        ("share of unusable rows", "0.0100", "at most 0.0500", True),
        ("share of repeated ids", "0.0050", "at most 0.0100", True),
        ("repeated tweet_id among the curated", "0", "at most 0", True),
        ("nulls in tweet_id", "0", "at most 0", True),
        ("nulls in text", "0", "at most 0", True),
        ("inbound share", "0.6000", "at least 0.1000", True),
        ("inbound share", "0.6000", "at most 1.0000", True),
        ("first created_at", "2017-10-31T22:10:47+00:00", "at least 2006-01-01T00:00:00+00:00",
         True),
        ("last created_at", "2017-12-03T00:00:00+00:00", "at most 2024-05-07T12:00:00+00:00",
         True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "limits", "seen", "failed"),
    [
        ({}, {"min_rows": 1201}, {}, ("curated messages", "1,200", "at least 1,201")),
        ({"rows": 0, "distinct_ids": 0}, {}, {}, ("curated messages", "0", "at least 1")),
        ({}, {}, {"unusable_rows": 101},
         ("share of unusable rows", "0.0505", "at most 0.0500")),
        ({}, {"max_duplicate_id_share": 0.002}, {},
         ("share of repeated ids", "0.0050", "at most 0.0020")),
        ({"distinct_ids": 1199}, {}, {},
         ("repeated tweet_id among the curated", "1", "at most 0")),
        ({"nulls_in_keys": {"text": 3}}, {}, {}, ("nulls in text", "3", "at most 0")),
        ({}, {}, {"inbound_share": 0.05}, ("inbound share", "0.0500", "at least 0.1000")),
        ({}, {"max_inbound_share": 0.5}, {}, ("inbound share", "0.6000", "at most 0.5000")),
        ({}, {"min_year": 2018}, {},
         ("first created_at", "2017-10-31T22:10:47+00:00", "at least 2018-01-01T00:00:00+00:00")),
        ({"last_created_at": datetime(2024, 5, 7, 12, 0, 1, tzinfo=UTC)}, {}, {},
         ("last created_at", "2024-05-07T12:00:01+00:00", "at most 2024-05-07T12:00:00+00:00")),
    ],
)  # fmt: skip
def test_what_is_off_fails_one_check(
    written: Any, limits: Any, seen: Any, failed: tuple[str, str, str]
) -> None:
    found = checks(WRITTEN._replace(**written), limits=limits, **seen)
    assert [check for check in found if not check.passed] == [(*failed, False)]


@pytest.mark.parametrize(
    ("written", "limits", "seen"),
    [
        ({}, {"min_rows": 1200}, {}),
        ({}, {}, {"unusable_rows": 100}),
        ({}, {}, {"repeated_ids": 20}),
        ({}, {"min_inbound_share": 0.6, "max_inbound_share": 0.6}, {}),
        ({"first_created_at": datetime(2006, 1, 1, tzinfo=UTC)}, {}, {}),
        ({"last_created_at": datetime(2024, 5, 7, 12, tzinfo=UTC)}, {}, {}),
        ({"rows": 0, "distinct_ids": 0}, {"min_rows": 0},
         {"raw_rows": 0, "unusable_rows": 0, "repeated_ids": 0}),
    ],
)  # fmt: skip
def test_a_value_at_its_limit_passes(
    written: dict[Any, Any], limits: Any, seen: dict[Any, Any]
) -> None:
    assert all(check.passed for check in checks(WRITTEN._replace(**written), limits=limits, **seen))


def test_what_the_source_has_no_column_for_is_not_checked() -> None:
    written = WRITTEN._replace(first_created_at=None, last_created_at=None)
    assert [check.name for check in checks(written, inbound_share=None)] == [
        "curated messages",
        "share of unusable rows",
        "share of repeated ids",
        "repeated tweet_id among the curated",
        "nulls in tweet_id",
        "nulls in text",
    ]


def test_error_names_each_failed_check_and_no_other(tmp_path: Path) -> None:
    found = [
        Check("curated messages", "2", "at least 5", False),
        Check("nulls in text", "0", "at most 0", True),
        Check("inbound share", "0.0500", "at least 0.1000", False),
    ]
    with pytest.raises(DataError) as caught:
        require_passed(found, report=tmp_path / "quality.json")
    assert str(caught.value) == (
        "quality checks failed, nothing was published: curated messages is 2, must be at least 5; "
        "inbound share is 0.0500, must be at least 0.1000 "
        f"(all checks: {tmp_path}/quality.json). "
        "Mend the source, or change the limits under transformation.quality"
    )


def test_nothing_is_raised_where_all_passed(tmp_path: Path) -> None:
    require_passed(checks(), report=tmp_path / "quality.json")


@pytest.mark.parametrize("passed", [True, False])
def test_report_holds_every_check(tmp_path: Path, passed: bool) -> None:
    found = [
        Check("curated messages", "7", "at least 5", True),
        Check("nulls in text", "1", "at most 0", passed),
    ]
    texts = {"texts_html": 2, "cut_mail": True}
    causes = [Cause(3, "3 rows are blank", "fill them in")]
    columns = {"date": {"column": "at"}}
    path = tmp_path / "quality.json"
    write_report(found, path, now=NOW, texts=texts, columns=columns, causes=causes)
    assert json.loads((tmp_path / "quality.json").read_text(encoding="utf-8")) == {
        "created_at": "2024-05-06T12:00:00+00:00",
        "passed": passed,
        "checks": [
            {"name": "curated messages", "value": "7", "limit": "at least 5", "passed": True},
            {"name": "nulls in text", "value": "1", "limit": "at most 0", "passed": passed},
        ],
        "texts": {"texts_html": 2, "cut_mail": True},
        "columns": {"date": {"column": "at"}},
        "unusable": [{"rows": 3, "words": "3 rows are blank", "remedy": "fill them in"}],
    }
