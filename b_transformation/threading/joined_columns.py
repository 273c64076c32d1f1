"""The narrow columns of more rows than the driver should hold, typed by workers into Parquet.

What raw_columns.py reads and decides in the driver, over whole columns, is decided here by counts.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from b_transformation.columns import dates, directions, ids
from b_transformation.columns.dates import Forms, choose_forms, join_forms
from b_transformation.columns.directions import INBOUND, OUTBOUND, UNKNOWN
from b_transformation.columns.ids import NOTHING, taken_twice
from b_transformation.columns.raw_columns import is_blank
from b_transformation.columns.typed import TYPED_DDL, narrow_names, survey_rows, type_rows
from b_transformation.columns.values import Unread
from b_transformation.rows import ROW, Piece, map_pieces, read_rows
from common.runtime.spark import read_parquet, write_parquet
from common.tables.columns.roles import Roles

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class TypedColumns(NamedTuple):
    """The typed rows, and what holds for whole columns."""

    typed: "DataFrame"
    rows: int
    has_dates: bool
    unread: tuple[Unread, ...]


def type_columns(
    spark: "SparkSession", raw: Path, roles: Roles, folder: Path, *, date_order: str | None
) -> TypedColumns:
    """Read data/raw/messages into ``folder``/typed.

    Raises:
        DataError: if two ids have one key, or a column of dates can mean two things.
    """
    from pyspark.sql import functions as F

    forms: tuple[str, ...] = ()
    if roles.date is not None:
        survey = map_pieces(spark, raw, partial(_survey, roles=roles), "forms string")
        parts = [Forms(**json.loads(row["forms"])) for row in survey.collect()]
        forms = choose_forms(join_forms(parts), name=roles.date, order=date_order)
    typed = write_whole(
        map_pieces(spark, raw, partial(_type, roles=roles, forms=forms), TYPED_DDL),
        folder / "typed",
    )
    for key, text in (("tweet_id", "id_text"), ("parent_id", "parent_text")):
        _require_own_keys(typed, key, text)

    counts = _count(typed)
    unread, has_dates = [], False
    if roles.keys is not None:
        unread.append(_unread(counts, "id", column=roles.keys, what=ids.WHAT))
    if roles.inbound is not None:
        words = _unread(counts, "direction", column=roles.inbound, what=directions.WHAT)
        if is_blank(words, rows=counts["rows"]):
            typed = typed.withColumn("direction", F.lit(INBOUND).cast("byte"))
        else:
            unread.append(words)
    if roles.date is not None:
        times = _unread(counts, "date", column=roles.date, what=dates.WHAT)
        has_dates = not is_blank(times, rows=counts["asked"])
        if has_dates:
            unread.append(times._replace(found=forms))
    return TypedColumns(typed, counts["rows"], has_dates, tuple(unread))


def _count(typed: "DataFrame") -> dict[str, Any]:
    """rows; asked: those whose date is used; and of each column, rows without a value."""
    from pyspark.sql import functions as F

    asked = F.col("direction") != OUTBOUND
    without = {
        "id": F.col("tweet_id") == NOTHING,
        "direction": F.col("direction") == UNKNOWN,
        "date": asked & F.col("created_at").isNull(),
    }
    expressions = [F.count("*").alias("rows"), F.count_if(asked).alias("asked")]
    for name, has_none in without.items():
        value = F.col(f"unread_{name}")
        first = F.min(F.when(value.isNotNull(), F.struct(ROW, value.alias("value"))))
        expressions += [
            F.count_if(has_none).alias(f"no_{name}"),
            F.count(value).alias(f"unread_{name}"),
            first["value"].alias(f"first_{name}"),
        ]
    (row,) = typed.agg(*expressions).collect()
    found: dict[str, Any] = row.asDict()
    return found


def _unread(counts: dict[str, Any], name: str, *, column: str, what: str) -> Unread:
    return Unread(
        column=column,
        what=what,
        empty=counts[f"no_{name}"] - counts[f"unread_{name}"],
        unreadable=counts[f"unread_{name}"],
        example=counts[f"first_{name}"],
    )


def _survey(piece: Piece, *, roles: Roles) -> Iterator[pa.RecordBatch]:
    forms = survey_rows(_narrow(piece, roles), roles)
    yield pa.record_batch([[json.dumps(forms._asdict())]], ["forms"])


def _type(piece: Piece, *, roles: Roles, forms: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    yield type_rows(_narrow(piece, roles), roles, forms)


def _narrow(piece: Piece, roles: Roles) -> pa.Table:
    return read_rows(piece, narrow_names(roles)).sort_by(ROW)


def _require_own_keys(typed: "DataFrame", key: str, text: str) -> None:
    """Check that no id's digest is the key of another id of that column."""
    from pyspark.sql import functions as F

    if typed.where(F.col(text).isNotNull()).isEmpty():
        return
    texts = typed.where(F.col(key) != NOTHING).groupBy(key)
    written = F.coalesce(text, F.lit(""))
    twice = (
        texts.agg(F.min(written).alias("first"), F.max(written).alias("last"))
        .where("first != last")
        .first()
    )
    if twice is not None:
        raise taken_twice(twice["last"])


def write_whole(frame: "DataFrame", path: Path) -> "DataFrame":
    """Write a frame to a folder that workers see, and read it from there: it is computed once."""
    write_parquet(frame, path)
    return read_parquet(frame.sparkSession, path, schema=frame.schema)
