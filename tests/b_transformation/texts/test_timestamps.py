from datetime import UTC, datetime
from typing import TYPE_CHECKING

from b_transformation.texts.timestamps import parse_created_at

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


READABLE: dict[str | None, str | None] = {
    "Tue Oct 31 22:10:47 +0000 2017": "2017-10-31 22:10:47",
    "Wed Nov 01 00:30:00 +0530 2017": "2017-10-31 19:00:00",
    "Tue Oct 31 22:10:47 -0700 2017": "2017-11-01 05:10:47",
    "Mon Feb 29 00:00:00 +0000 2016": "2016-02-29 00:00:00",
    "  Sat Dec 31 23:59:59 +0000 2016 ": "2016-12-31 23:59:59",
    "2017-10-31T22:10:47Z": "2017-10-31 22:10:47",
    "2017-10-31T22:10:47": "2017-10-31 22:10:47",
    "2017-10-31 22:10:47": "2017-10-31 22:10:47",
    "2017-10-31T22:10:47+02:00": "2017-10-31 20:10:47",
    "2017-10-31 22:10:47-07:00": "2017-11-01 05:10:47",
    "2017-12-31T23:30:00-01:00": "2018-01-01 00:30:00",
    "2017-10-31T22:10:47.250Z": "2017-10-31 22:10:47.25",
    "2017-10-31T22:10": "2017-10-31 22:10:00",
    "2017-10-31": "2017-10-31 00:00:00",
    " 2016-02-29 ": "2016-02-29 00:00:00",
}
UNREADABLE = [
    None,
    "",
    "   ",
    "yesterday",
    "😀",
    "True",
    "Tue Oct 31",
    "Tue Oct 31 22:10:47 2017",
    "Tue Oct 31 25:10:47 +0000 2017",
    "Thu Feb 30 22:10:47 +0000 2017",
    "Tue Okt 31 22:10:47 +0000 2017",
    "2017",
    "1509487847",
    "20171031",
    "10:47",
    "31/10/2017",
    "2017-13-01",
    "2017-02-29",
    "2017-10-31T25:00:00Z",
    "2017-10-31 at noon",
    "2017-10-31T22:10:47+99:00",
]


def test_created_at_to_utc(spark: "SparkSession") -> None:
    texts = [*READABLE, *UNREADABLE]
    rows = spark.createDataFrame(list(enumerate(texts)), "number int, created_at string")
    times = rows.select("number", parse_created_at(rows["created_at"]).alias("time"))
    text_of = times.selectExpr("number", "cast(time as string) as time").collect()
    found = {texts[row["number"]]: row["time"] for row in text_of}

    assert found == {**READABLE, **dict.fromkeys(UNREADABLE)}


def test_type_is_a_timestamp_with_time_zone(spark: "SparkSession") -> None:
    rows = spark.createDataFrame([("Tue Oct 31 22:10:47 +0000 2017",)], "created_at string")
    times = rows.select(parse_created_at(rows["created_at"]).alias("time"))
    assert times.schema["time"].dataType.simpleString() == "timestamp"
    moment = times.toArrow()["time"].to_pylist()[0]
    assert moment.astimezone(UTC) == datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)
