"""Why rows are unusable, by number of rows, and what to set or mend for each cause."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from b_transformation.columns import dates, directions, ids
from b_transformation.columns.values import Unread
from common.tables.delimited.layout import BROKEN_QUOTE, TOO_LONG
from common.tables.delimited.records import NUL, WRONG_WIDTH

_ENCODING = "set ENCODING=cp1252, or what the file is in"
_IN_RECORDS = {
    WRONG_WIDTH: "set DELIMITER=, as DELIMITER=';', or quote the fields that hold one",
    BROKEN_QUOTE: "close the quotes, and double those inside a text",
    TOO_LONG: "raise ingestion.max_field_mb",
    NUL: _ENCODING,
}
_IN_COLUMNS = {
    ids.WHAT: (
        "is a number that a spreadsheet has rounded",
        "export ids as text, or ID_COLUMN=none numbers the rows",
    ),
    dates.WHAT: (
        "has none of the forms in docs/own_data.md",
        f"write it as 2024-01-31T09:05:00Z, or {dates.LEAVE_OUT}",
    ),
    directions.WHAT: (
        "is none of the words in docs/own_data.md",
        "write True or False, or INBOUND_COLUMN=none takes all rows for customers'",
    ),
}


class Cause(NamedTuple):
    """Rows that are unusable for one reason; words: it as a sentence's subject and verb."""

    rows: int
    words: str
    remedy: str

    @property
    def sentence(self) -> str:
        """For an error or a log."""
        return f"{self.words}; {self.remedy}"


def quarantined(raw: Path) -> dict[str, int]:
    """Records of data/raw/quarantine by reason."""
    found: Counter[str] = Counter()
    for path in sorted((raw / "quarantine").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["reason"]):
                counts = pc.value_counts(batch.column("reason")).to_pylist()
                found.update({entry["values"]: entry["counts"] for entry in counts})
    return dict(found)


def rank_causes(
    *, records: Mapping[str, int], unread: Sequence[Unread], texts: Mapping[str, int]
) -> list[Cause]:
    """The causes, most rows first.

    Args:
        records: in quarantine, by reason.
        unread: of the columns.
        texts: rows without a usable text, by reason.
    """
    causes = [
        Cause(
            rows,
            f"{rows:,} records are in quarantine: {reason}",
            _ENCODING
            if reason.startswith("not ")
            else _IN_RECORDS.get(reason, "see data/raw/quarantine"),
        )
        for reason, rows in records.items()
    ]
    for column in unread:
        why, remedy = _IN_COLUMNS[column.what]
        where = f"no {column.what} in column {column.column!r}"
        causes += [
            Cause(column.empty, f"{column.empty:,} rows have {where}, which is empty", remedy),
            Cause(
                column.unreadable,
                f"{column.unreadable:,} rows have {where} that can be read: "
                f"{column.example!r} {why}",
                remedy,
            ),
        ]
    causes += [
        Cause(rows, f"{rows:,} rows have no message ({reason})", "name its column: TEXT_COLUMN=")
        for reason, rows in texts.items()
    ]
    return sorted((cause for cause in causes if cause.rows), key=lambda cause: -cause.rows)
