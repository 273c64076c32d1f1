"""The forms in which dates are written, and the times that texts have by each.

Times are microseconds since 1970; one without a zone is taken as UTC. Years of two digits are those
of 1969 to 2068.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Times = NDArray[np.datetime64]
NO_TIME = np.datetime64("NaT", "us")

_WEEKDAY = "(?i:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?)"
_NAME = (
    "(?P<name>(?i:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|"
    r"june|july|august|september|october|november|december))\.?"
)
_DAY, _MONTH = "(?P<day>[0-9]{1,2})", "(?P<month>[0-9]{1,2})"
_YEAR, _SHORT_YEAR = "(?P<year>[0-9]{4})", "(?P<year>[0-9]{4}|[0-9]{2})"
_ZONE = "(?: ?(?P<zone>[zZ]|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z]{2,3}))?"
_CLOCK = (
    "(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    "(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>(?i:[ap]\.?m\.?)))?"
)
_TIME = rf"(?:(?:[Tt]|,? +|,? at ){_CLOCK}{_ZONE}(?: \([^()]*\))?)?"
# Forms by an example, in the order in which they are tried; but for the orders of day and month, no
# text has two of them.
ORDERS = {"dmy": "31/10/2017 22:10", "mdy": "10/31/2017 10:10 PM"}
EPOCH = "seconds, milli-, micro- or nanoseconds since 1970"
FORMS = {
    "Tue Oct 31 22:10:47 +0000 2017": (
        f"{_WEEKDAY} {_NAME} +{_DAY} {_CLOCK} (?P<zone>[^ ]+) {_YEAR}"
    ),
    "2017-10-31 22:10:47": f"{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}{_TIME}",
    "Tue, 31 Oct 2017 22:10:47 +0000": (
        f"(?:{_WEEKDAY},? +)?{_DAY}[- ]{_NAME}[- ]{_SHORT_YEAR}{_TIME}"
    ),
    "Oct 31, 2017 10:10 PM": f"(?:{_WEEKDAY},? +)?{_NAME} +{_DAY},? +{_YEAR}{_TIME}",
    "20171031T221047Z": (
        "(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
        f"(?:[Tt]?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}}){_ZONE})?"
    ),
    ORDERS["dmy"]: f"{_DAY}[-/.]{_MONTH}[-/.]{_SHORT_YEAR}{_TIME}",
    ORDERS["mdy"]: f"{_MONTH}[-/.]{_DAY}[-/.]{_SHORT_YEAR}{_TIME}",
    EPOCH: r"(?P<whole>[0-9]{9,18}|[1-8][0-9]{18})(?:\.(?P<fraction>[0-9]+))?",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 2822's names of zones, in hours from UTC.
_ZONES = {
    "": 0, "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_MAX_ZONE_H = 18


def read_forms(texts: pa.ChunkedArray) -> dict[str, Times]:
    """(N,) times by each form that occurs, NaT where the text has another."""
    found: dict[str, Times] = {}
    start = 0
    for chunk in texts.chunks:
        rows = np.flatnonzero(chunk.is_valid())
        for form, pattern in FORMS.items():
            fields, matched = _match(chunk, rows, f"^(?:{pattern})$")
            if not len(matched):
                continue
            if form not in found:
                found[form] = np.full(len(texts), NO_TIME)
            found[form][start + matched] = fields.epoch() if form == EPOCH else fields.times()
            if form != ORDERS["dmy"]:
                rows = np.setdiff1d(rows, matched, assume_unique=True)
        start += len(chunk)
    return found


def _match(texts: pa.StringArray, rows: Numbers, pattern: str) -> "tuple[_Fields, Numbers]":
    """The parts of the texts at ``rows`` that have the pattern, and where these are."""
    chosen = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
    fits = pc.match_substring_regex(chosen, pattern)
    parts = pc.extract_regex(chosen.filter(fits), pattern)
    return _Fields(parts), rows[fits.to_numpy(zero_copy_only=False)]


class _Fields:
    """The parts of M dates by their names in a pattern; a part that is not there is empty."""

    def __init__(self, parts: pa.StructArray) -> None:
        self._parts = parts
        self.names = parts.type.names

    def texts(self, name: str) -> pa.StringArray:
        if name not in self.names:
            return pa.array([""]).take(pa.array(np.zeros(len(self._parts), np.int64)))
        return self._parts.field(name)

    def numbers(self, name: str) -> Numbers:
        """(M,) 0 for a part that is not there."""
        if name not in self.names:
            return np.zeros(len(self._parts), np.int64)
        text = self.texts(name)
        return np.asarray(pc.cast(pc.if_else(pc.equal(text, ""), "0", text), pa.int64()))

    def times(self) -> Times:
        """(M,) NaT where a part is out of its range."""
        day = self.numbers("day")
        month = self._months() if "name" in self.names else self.numbers("month")
        year, hour, ok = self._years(), *self._hours()
        minute, second = self.numbers("minute"), self.numbers("second")
        zone, zone_ok = self._zone_minutes()
        ok &= (month >= 1) & (month <= 12) & (minute < 60) & (second < 60) & zone_ok & (year > 0)
        months = (year - 1970) * 12 + np.where(ok, month, 1) - 1
        first = months.astype("datetime64[M]")
        days = (first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
        ok &= (day >= 1) & (day <= days.astype(np.int64))
        seconds = ((day - 1) * 24 + hour) * 3600 + (minute - zone) * 60 + second
        micros = seconds * 1_000_000 + self._micros()
        times = first.astype("datetime64[us]") + micros.astype("timedelta64[us]")
        return np.where(ok, times, NO_TIME)

    def epoch(self) -> Times:
        """(M,) from numbers, whose size tells seconds from smaller units."""
        whole = self._parts.field("whole")
        number, digits = pc.cast(whole, pa.int64()).to_numpy(), pc.utf8_length(whole).to_numpy()
        micros = np.select(
            [digits <= 11, digits <= 14, digits <= 17],
            [number * 1_000_000 + self._micros(), number * 1_000, number],
            number // 1_000,
        )
        return np.asarray(micros, "datetime64[us]")

    def _years(self) -> Numbers:
        years = self.numbers("year")
        short = pc.equal(pc.utf8_length(self.texts("year")), 2).to_numpy(zero_copy_only=False)
        return np.where(short, years + np.where(years < 69, 2000, 1900), years)

    def _months(self) -> Numbers:
        starts = pc.utf8_slice_codeunits(pc.ascii_lower(self.texts("name")), 0, 3)
        return np.asarray(pc.index_in(starts, pa.array(_MONTHS)).to_numpy() + 1, np.int64)

    def _hours(self) -> tuple[Numbers, Flags]:
        hour = self.numbers("hour")
        half = pc.utf8_slice_codeunits(pc.ascii_lower(self.texts("half")), 0, 1)
        pm, am = (np.asarray(pc.equal(half, letter)) for letter in ("p", "a"))
        ok = np.where(pm | am, (hour >= 1) & (hour <= 12), hour < 24)
        return np.where(pm | am, hour % 12 + 12 * pm, hour), ok

    def _micros(self) -> Numbers:
        """Of a fraction of a second, six digits."""
        if "fraction" not in self.names:
            return np.zeros(len(self._parts), np.int64)
        digits = pc.utf8_slice_codeunits(pc.utf8_rpad(self.texts("fraction"), 6, "0"), 0, 6)
        return np.asarray(pc.cast(digits, pa.int64()))

    def _zone_minutes(self) -> tuple[Numbers, Flags]:
        """(M,) minutes east of UTC; False where the zone is not known."""
        encoded = self.texts("zone").dictionary_encode()
        zones = [_minutes_of(zone) for zone in encoded.dictionary.to_pylist()]
        known = np.array([zone is not None for zone in zones], bool)
        minutes = np.array([zone or 0 for zone in zones], np.int64)
        codes = encoded.indices.to_numpy()
        return minutes[codes], known[codes]


def _minutes_of(zone: str) -> int | None:
    name = zone.upper()
    if name in _ZONES:
        return _ZONES[name] * 60
    digits = name.removeprefix("UTC").removeprefix("GMT").replace(":", "")
    if not (digits[:1] in ("+", "-") and digits[1:].isdigit() and len(digits) in (3, 5)):
        return None
    hours, minutes = int(digits[1:3]), int(digits[3:] or "0")
    if hours > _MAX_ZONE_H or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if digits[0] == "-" else 1)
