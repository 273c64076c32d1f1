from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from b_transformation.columns.values import Unread
from b_transformation.quality.causes import quarantined, rank_causes


def test_causes_come_most_rows_first_with_their_remedies() -> None:
    causes = rank_causes(
        records={"not UTF-8": 40, "some other reason": 2},
        unread=[
            Unread("Opened", "date", 300, 7, "soon"),
            Unread("Ticket", "id", 0, 0),
            Unread("from", "inbound flag", 0, 1, "hm"),
        ],
        texts={"empty text": 5, "empty after cleaning": 0},
    )
    assert [cause.sentence for cause in causes] == [
        "300 rows have no date in column 'Opened', which is empty; write it as "
        "2024-01-31T09:05:00Z, or DATE_COLUMN=none leaves the dates out",
        "40 records are in quarantine: not UTF-8; set ENCODING=cp1252, or what the file is in",
        "7 rows have no date in column 'Opened' that can be read: 'soon' has none of the forms in "
        "docs/own_data.md; write it as 2024-01-31T09:05:00Z, or DATE_COLUMN=none leaves the dates "
        "out",
        "5 rows have no message (empty text); name its column: TEXT_COLUMN=",
        "2 records are in quarantine: some other reason; see data/raw/quarantine",
        "1 rows have no inbound flag in column 'from' that can be read: 'hm' is none of the words "
        "in docs/own_data.md; write True or False, or INBOUND_COLUMN=none takes all rows for "
        "customers'",
    ]


def test_records_in_quarantine_are_counted_over_its_files(tmp_path: Path) -> None:
    assert quarantined(tmp_path) == {}
    (tmp_path / "quarantine").mkdir()
    for number, reasons in enumerate((["a", "b"], [], ["a"])):
        table = pa.table({"reason": pa.array(reasons, pa.string())})
        pq.write_table(table, tmp_path / "quarantine" / f"part-{number}.parquet")
    assert quarantined(tmp_path) == {"a": 2, "b": 1}
