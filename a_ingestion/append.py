"""Put a landed file after what was landed before: rows whose id is there already are left out.

Takes the published raw folder and a new one that holds the landed file; makes of the new one the
whole: the earlier Parquet files, by hard link, and the new rows, numbered on from the earlier ones.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import parquet

from a_ingestion.landing import GROUP_ROWS, MESSAGES, QUARANTINE_FOLDER, ROW_COLUMN
from common.errors import DataError
from common.tables.columns.places import quoted

LANDED_BEFORE = "landed before"


def append_rows(earlier: Path, folder: Path, *, id_column: str, records: int) -> int:
    """Complete ``folder`` and return how many rows were left out, as their id was landed before.

    Rows without an id are taken as new. Of rows that share an id within the new file, all stay.

    Args:
        earlier: the raw folder with messages and quarantine.
        folder: the same of the new file alone.
        id_column: that of the ids, in both.
        records: how many records the earlier files had; the new rows are numbered from there on.

    Raises:
        DataError: if the new file has other columns than the earlier ones.
    """
    before = ds.dataset(earlier / MESSAGES, format="parquet")
    new = folder / MESSAGES
    schema = before.schema
    _require_same_columns(schema.names, ds.dataset(new, format="parquet").schema.names)
    known = before.to_table(columns=[id_column])[id_column].combine_chunks()
    known = known.filter(pc.not_equal(pc.utf8_trim_whitespace(known), ""))
    files = sorted(new.glob("*.parquet"))
    moved = [path.rename(folder / path.name) for path in files]
    first = _link_files(earlier / MESSAGES, new)
    left_out = 0
    for number, path in enumerate(moved, start=first):
        table = parquet.read_table(path).select(schema.names)
        fresh = table.filter(pc.invert(pc.is_in(table[id_column], value_set=known)))
        left_out += table.num_rows - fresh.num_rows
        _write(_renumbered(fresh, records), new / f"part-{number:05}.parquet")
        path.unlink()
    _append_quarantine(earlier / QUARANTINE_FOLDER, folder / QUARANTINE_FOLDER, records)
    return left_out


def _require_same_columns(before: Sequence[str], now: Sequence[str]) -> None:
    missing = [name for name in before if name not in now]
    added = [name for name in now if name not in before]
    if missing or added:
        what = " and ".join(
            f"{word} {quoted(names)}"
            for word, names in (("lacks", missing), ("adds", added))
            if names
        )
        raise DataError(
            f"the file {what}; APPEND=1 needs the columns that were landed before. Make them the "
            "same, or land all files anew as one"
        )


def _link_files(source: Path, target: Path) -> int:
    """Link every file of ``source`` into ``target``; return how many there are."""
    files = sorted(source.glob("*.parquet"))
    for path in files:
        try:
            os.link(path, target / path.name)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, target / path.name)
    return len(files)


def _append_quarantine(earlier: Path, folder: Path, records: int) -> None:
    (now,) = folder.glob("*.parquet")
    table = _renumbered(parquet.read_table(now), records)
    now.unlink()
    number = _link_files(earlier, folder)
    if table.num_rows:
        _write(table, folder / f"part-{number:05}.parquet")


def _renumbered(table: pa.Table, records: int) -> pa.Table:
    place = table.schema.get_field_index(ROW_COLUMN)
    return table.set_column(place, ROW_COLUMN, pc.add(table[ROW_COLUMN], records))


def _write(table: pa.Table, path: Path) -> None:
    parquet.write_table(
        table, path, compression="zstd", row_group_size=GROUP_ROWS, write_statistics=[ROW_COLUMN]
    )
