"""The index by Spark's joins is the index that the driver writes."""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.columns.raw_columns import raw_names, read_raw_columns
from b_transformation.rows import INDEX_ROWS, cut, read_piece
from b_transformation.threading.index import ANSWERS, QUESTIONS, write_index
from b_transformation.threading.joined_index import JoinedIndex, write_index_by_joins
from common.errors import DataError
from common.tables.columns.roles import Roles, find_roles

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES = ("tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id")
IDS = [*map(str, range(60)), "3.0", "T-1", "T-2", " T-2 ", "7E+17", "", None, "nan"]
DATES = [
    "Tue Oct 31 22:10:47 +0000 2017", "2017-10-31 22:10:47", "31/10/2017 22:10", "1/2/2017",
    "1509487847", "yesterday", "", None,
]  # fmt: skip
Rows = list[dict[str, Any]]


def random_rows(rows: int, *, seed: int) -> Rows:
    draw = random.Random(seed)
    return [
        {
            "tweet_id": draw.choice(IDS) if draw.random() < 0.5 else str(draw.randrange(60, 400)),
            "author_id": draw.choice(["7", "8", "Tea", "tea", "Bike", " ", None]),
            "inbound": draw.choice(["True", "False", "agent", "customer", "?", "", None]),
            "created_at": draw.choice(DATES),
            "text": "hi",
            "in_response_to_tweet_id": draw.choice([*IDS, *map(str, range(60, 400))]),
        }
        for _ in range(rows)
    ]


def write_raw(folder: Path, rows: Rows, *, apart: int = 1) -> Path:
    """Three files; ``apart``: from one source_row to the next."""
    raw = folder / "raw"
    raw.mkdir()
    for number, start in enumerate(range(0, max(1, len(rows)), third := -(-len(rows) // 3) or 1)):
        own = rows[start : start + third]
        columns = {name: pa.array([row[name] for row in own], pa.string()) for name in NAMES}
        numbers = pa.array([(start + n + 1) * apart for n in range(len(own))], pa.int64())
        table = pa.table({**columns, "source_row": numbers})
        pq.write_table(table, raw / f"part-{number}.parquet", row_group_size=40)
    return raw


def roles_of(raw: Path, **optional: str) -> Roles:
    return find_roles(raw_names(raw), name="raw", text_column="text", optional=optional)


def join(spark: "SparkSession", raw: Path, roles: Roles, folder: Path) -> JoinedIndex:
    folder.mkdir()
    return write_index_by_joins(spark, raw, roles, folder, date_order=None, rounds=32, most=1_000)


def rows_of(path: Path) -> list[dict[str, Any]]:
    if not list(path.rglob("*.parquet")) and not path.is_file():
        return []
    table = pq.read_table(path)
    dropped = [name for name in table.column_names if name == "bucket"]
    rows: list[dict[str, Any]] = table.drop_columns(dropped).sort_by("source_row").to_pylist()
    return rows


def require_equal(spark: "SparkSession", raw: Path, folder: Path, **optional: str) -> JoinedIndex:
    roles = roles_of(raw, **optional)
    columns = read_raw_columns(raw, roles)
    driver = folder / "driver"
    driver.mkdir()
    expected = write_index(columns, driver, rounds=32)
    joined = join(spark, raw, roles, folder / "joined")
    assert joined.written == expected
    assert (joined.rows, joined.unread) == (len(columns.source_rows), columns.unread)
    for name in (QUESTIONS, ANSWERS):
        assert rows_of(folder / "joined" / name) == rows_of(driver / name)
    return joined


def test_rows_of_every_kind(spark: "SparkSession", tmp_path: Path) -> None:
    raw = write_raw(tmp_path, random_rows(600, seed=1), apart=INDEX_ROWS // 100)
    joined = require_equal(spark, raw, tmp_path)
    written = joined.written
    assert min(written.questions, written.answers, *written.dropped.values()) > 0
    assert written.figures["reply_cycles"] > 0
    assert [unread.column for unread in joined.unread] == ["tweet_id", "inbound", "created_at"]
    # In which of the six folders of the index a row is, workers know.
    found = [
        row["source_row"]
        for piece in cut(raw, wanted=1)
        for _, known in read_piece(piece, tmp_path / "joined" / QUESTIONS, columns=["text"])
        for row in known.to_pylist()
    ]
    assert len(list((tmp_path / "joined" / QUESTIONS).glob("bucket=*"))) == 7
    assert found == [row["source_row"] for row in rows_of(tmp_path / "driver" / QUESTIONS)]


def test_a_source_of_hardly_more_than_texts(spark: "SparkSession", tmp_path: Path) -> None:
    """Columns without a single value are left out; so are ids that nobody wants."""
    rows = [{**row, "inbound": "", "created_at": None} for row in random_rows(50, seed=2)]
    joined = require_equal(spark, write_raw(tmp_path, rows), tmp_path, id_column="none")
    assert joined.unread == ()
    assert joined.written.questions == joined.rows == 50


def test_two_ids_with_one_key(spark: "SparkSession", tmp_path: Path) -> None:
    row = random_rows(1, seed=4)[0]
    # The key of TKT-1 (tests of the job), in another file than TKT-1.
    ids = ["TKT-1", "1", "4018465833370478037"]
    raw = write_raw(tmp_path, [{**row, "tweet_id": each} for each in ids])
    with pytest.raises(DataError, match="the id 'TKT-1' has the key of another id"):
        join(spark, raw, roles_of(raw), tmp_path / "joined")
