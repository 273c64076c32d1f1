from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from b_transformation.columns.dates import Dates, parse_dates
from common.errors import DataError

ALONE = {
    "Tue Oct 31 22:10:47 +0000 2017": "2017-10-31 22:10:47",
    "Wed Nov 01 00:30:00 +0530 2017": "2017-10-31 19:00:00",
    "Tue Oct 31 22:10:47 -0700 2017": "2017-11-01 05:10:47",
    "Mon Feb 29 00:00:00 +0000 2016": "2016-02-29 00:00:00",
    "  Sat Dec 31 23:59:59 +0000 2016 ": "2016-12-31 23:59:59",
    "Tue Oct 31 22:10:47 UTC 2017": "2017-10-31 22:10:47",
    "2017-10-31T22:10:47Z": "2017-10-31 22:10:47",
    "2017-10-31T22:10:47": "2017-10-31 22:10:47",
    "2017-10-31 22:10:47": "2017-10-31 22:10:47",
    "2017-10-31T22:10:47+02:00": "2017-10-31 20:10:47",
    "2017-10-31 22:10:47-07:00": "2017-11-01 05:10:47",
    "2017-10-31 22:10:47 +0100": "2017-10-31 21:10:47",
    "2017-10-31T22:10:47+02": "2017-10-31 20:10:47",
    "2017-12-31T23:30:00-01:00": "2018-01-01 00:30:00",
    "2017-10-31T22:10:47.250Z": "2017-10-31 22:10:47.25",
    "2017-10-31 22:10:47,5": "2017-10-31 22:10:47.5",
    "2017-10-31T22:10:47.123456789Z": "2017-10-31 22:10:47.123456",
    "2017-10-31T22:10": "2017-10-31 22:10:00",
    "2017-10-31": "2017-10-31 00:00:00",
    " 2016-02-29 ": "2016-02-29 00:00:00",
    "2017/10/31 22:10": "2017-10-31 22:10:00",
    "20171031": "2017-10-31 00:00:00",
    "20171031T221047Z": "2017-10-31 22:10:47",
    "20171031221047": "2017-10-31 22:10:47",
    "Tue, 31 Oct 2017 22:10:47 +0000": "2017-10-31 22:10:47",
    "Tue, 31 Oct 2017 22:10:47 -0700 (PDT)": "2017-11-01 05:10:47",
    "31 Oct 2017 22:10:47 GMT": "2017-10-31 22:10:47",
    "3 Oct 17 22:10 EST": "2017-10-04 03:10:00",
    "Tuesday, 31-Oct-17 22:10:47 GMT": "2017-10-31 22:10:47",
    "31-OCT-2017": "2017-10-31 00:00:00",
    "Oct 31, 2017 10:10 PM": "2017-10-31 22:10:00",
    "October 3, 2017": "2017-10-03 00:00:00",
    "Tue Oct 31 2017 22:10:47 GMT+0100 (CET)": "2017-10-31 21:10:47",
    "31/10/2017": "2017-10-31 00:00:00",
    "31.10.2017 22:10": "2017-10-31 22:10:00",
    "31-10-2017 22:10:47": "2017-10-31 22:10:47",
    "31/10/2017, 22:10": "2017-10-31 22:10:00",
    "31/10/17": "2017-10-31 00:00:00",
    "31/10/99 00:00": "1999-10-31 00:00:00",
    "10/31/2017 10:10 PM": "2017-10-31 22:10:00",
    "10/31/2017 12:00:05 a.m.": "2017-10-31 00:00:05",
    "10/31/2017 12:30pm": "2017-10-31 12:30:00",
    "10/31/17 9:05": "2017-10-31 09:05:00",
    "1509487847": "2017-10-31 22:10:47",
    "1509487847.25": "2017-10-31 22:10:47.25",
    "1509487847000": "2017-10-31 22:10:47",
    "1509487847250": "2017-10-31 22:10:47.25",
    "1509487847000000": "2017-10-31 22:10:47",
    "1509487847000000000": "2017-10-31 22:10:47",
    "999999999": "2001-09-09 01:46:39",
}
NO_DATE = [
    "yesterday", "😀", "True", "Tue Oct 31", "Tue Oct 31 22:10:47 2017",
    "Tue Oct 31 25:10:47 +0000 2017", "Thu Feb 30 22:10:47 +0000 2017",
    "Tue Okt 31 22:10:47 +0000 2017", "Tue Oct 31 22:10:47 +0000 17", "2017", "10:47",
    "2017-13-01", "2017-02-29", "0000-01-01", "2017-10-31T25:00:00Z", "2017-10-31 22:60",
    "2017-10-31 at noon", "2017-10-31T22:10:47+99:00", "2017-10-31 22:10 CET",
    "31/10/2017 13:00 PM", "31/10/2017 0:30 AM", "32/10/2017", "31/02/2017", "13/13/2017",
    "31/10/017", "20171331", "1.7E+09", "9223372036854775808", "42",
]  # fmt: skip


def read(*texts: str | None, order: str | None = None) -> Dates:
    return parse_dates(pa.chunked_array([pa.array(texts, pa.string())]), name="Opened", order=order)


@pytest.mark.parametrize(("text", "time"), ALONE.items())
def test_declared_forms(text: str, time: str) -> None:
    assert read(text).times[0] == np.datetime64(time)


@pytest.mark.parametrize("text", NO_DATE)
def test_other_texts_are_no_dates(text: str) -> None:
    dates = read(text)
    assert np.isnat(dates.times[0])
    assert (dates.unread.unreadable, dates.unread.example) == (1, text)


def test_what_was_not_read_and_the_forms_of_what_was() -> None:
    dates = read("2017-10-31", None, " ", "NaT", "soon", "Tue Oct 31 22:10:47 +0000 2017", "x" * 50)
    assert np.isnat(dates.times).tolist() == [False, True, True, True, True, False, True]
    assert dates.unread == (
        "Opened", "date", 3, 2, "soon", ("Tue Oct 31 22:10:47 +0000 2017", "2017-10-31 22:10:47"),
    )  # fmt: skip
    assert read("x" * 50).unread.example == "x" * 40 + "…"


@pytest.mark.parametrize(
    ("texts", "times"),
    [
        (["05/06/2024 1:00", "31/01/2024 2:00"], ["2024-06-05 01:00", "2024-01-31 02:00"]),
        (["05/06/2024", "", "01-31-24"], ["2024-05-06", "NaT", "2024-01-31"]),
        (["13/13/2024", "05.06.2024", "13.06.2024"], ["NaT", "2024-06-05", "2024-06-13"]),
    ],
)
def test_the_whole_column_decides_what_comes_first(texts: Any, times: Any) -> None:
    expected = np.array(times, "datetime64[us]")
    assert np.array_equal(read(*texts).times, expected, equal_nan=True)


def test_a_setting_decides_and_the_others_are_no_dates() -> None:
    month_first = read("05/06/2024", "31/01/2024", order="mdy").times
    assert month_first[0] == np.datetime64("2024-05-06")
    assert np.isnat(month_first[1])
    assert read("05/06/2024", order="dmy").times[0] == np.datetime64("2024-06-05")


def test_an_order_that_is_not_shown_is_asked_for() -> None:
    with pytest.raises(DataError) as caught:
        read("05/05/2024", "05/06/2024 09:05", "2017-10-31", "13/13/2024")
    assert str(caught.value) == (
        "column 'Opened' does not show whether day or month comes first: no date such as "
        "'05/06/2024 09:05' has a number above 12 there; name it: DATE_ORDER=dmy or "
        "DATE_ORDER=mdy (ingestion.date_order), or DATE_COLUMN=none leaves the dates out"
    )


def test_two_orders_in_a_column_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        read("05/06/2024", "31/01/2024", "01/31/2024")
    assert str(caught.value) == (
        "column 'Opened' has dates with the day first, as '31/01/2024', and with the month first, "
        "as '01/31/2024'; write them alike, or name it: DATE_ORDER=dmy or DATE_ORDER=mdy "
        "(ingestion.date_order) and lose the others, or DATE_COLUMN=none leaves the dates out"
    )


def test_numbers_are_times_where_most_values_are_numbers() -> None:
    assert not np.isnat(read("1509487847", "1509487848", "soon").times[:2]).any()
    assert np.isnat(read("2017-10-31", "2017-11-01", "1509487847").times[2])


def test_no_rows_and_several_chunks() -> None:
    assert parse_dates(pa.chunked_array([], pa.string()), name="d", order=None).times.tolist() == []
    column = pa.chunked_array([["31/01/2024"], [], ["05/06/2024", None]], pa.string())
    times = parse_dates(column, name="d", order=None).times
    assert times[:2].tolist() == np.array(["2024-01-31", "2024-06-05"], "datetime64[us]").tolist()
