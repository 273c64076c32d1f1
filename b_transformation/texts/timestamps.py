"""created_at to UTC: Twitter's ``Tue Oct 31 22:10:47 +0000 2017`` or ISO 8601; else null."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

# Spark parses no names of weekdays, so the text is read from the month on.
_AFTER_WEEKDAY = 5
_TWITTER = "MMM dd HH:mm:ss Z yyyy"
_ISO_START = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"


def parse_created_at(created_at: "Column") -> "Column":
    """Timestamp of a string; a time without a zone is taken as UTC, the session's time zone."""
    from pyspark.sql import functions as F

    trimmed = F.trim(created_at)
    twitter = F.try_to_timestamp(F.substring(trimmed, _AFTER_WEEKDAY, 26), F.lit(_TWITTER))
    iso = F.when(trimmed.rlike(_ISO_START), trimmed.try_cast("timestamp"))
    starts_with_digit = F.substring(trimmed, 1, 1).between("0", "9")
    return F.when(starts_with_digit, iso).otherwise(twitter)
