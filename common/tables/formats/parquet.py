"""Read a Parquet file in bulk: every column as strings, in bounded memory.

Strings stay as they are. Whole numbers, decimals and true/false are written out; a float as
shortest repr, without ".0" where it is whole and exact. Dates and times are ISO 8601, in UTC with
"Z" where the column has a time zone. Lists and structs are compact JSON. Null stays null. The
unnamed index that pandas stores is left out.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.errors import DataError
from common.tables.delimited.layout import TOO_LONG
from common.tables.delimited.records import NOT_UTF8, NUL, Rejected
from common.tables.delimited.rows import BlockRows
from common.tables.formats.entries import shown

_INDEX = re.compile(r"__index_level_\d+__")
_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 20_000
_EXACT = 1 << 53


def open_parquet(path: Path) -> pq.ParquetFile:
    """The file, of which columns are streamed, not whole row groups.

    Raises:
        DataError: if it is damaged.
    """
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def column_names(file: pq.ParquetFile) -> tuple[str, ...]:
    """The columns that are read."""
    return tuple(name for name in file.schema_arrow.names if not _INDEX.fullmatch(name))


def read_parquet(file: pq.ParquetFile, path: Path, *, max_field_bytes: int) -> Iterator[BlockRows]:
    """Rows as strings; a record with a longer field, a NUL, or bytes not in UTF-8, is rejected.

    Raises:
        DataError: if the file is damaged.
    """
    kept = [at for at, name in enumerate(file.schema_arrow.names) if not _INDEX.fullmatch(name)]
    try:
        for batch in file.iter_batches(_rows_at_once(file)):
            yield _block([_strings(batch.column(at)) for at in kept], batch, max_field_bytes)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    first = str(error).splitlines()[0]
    return DataError(f"{path} is a damaged Parquet file ({first}); write or fetch it anew")


def _rows_at_once(file: pq.ParquetFile) -> int:
    groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    largest = max((g.total_byte_size // max(1, g.num_rows) for g in groups), default=1)
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, largest)))


def _block(columns: list[pa.Array], batch: pa.RecordBatch, max_field_bytes: int) -> BlockRows:
    reasons: dict[int, str] = {}
    strings = []
    for column in columns:
        lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
        reasons |= dict.fromkeys(np.flatnonzero(lengths > max_field_bytes).tolist(), TOO_LONG)
        binary = column.cast(pa.large_binary())
        nul = pc.fill_null(pc.match_substring(binary, b"\0"), False)
        reasons |= dict.fromkeys(np.flatnonzero(nul.to_numpy(zero_copy_only=False)).tolist(), NUL)
        valid = _valid(binary)
        reasons |= dict.fromkeys(valid, NOT_UTF8)
        if valid:
            dropped = pa.array(np.isin(np.arange(len(binary)), valid))
            binary = pc.if_else(dropped, pa.scalar(None, binary.type), binary)
        strings.append(binary.cast(pa.string()))
    table = pa.table(strings, names=[str(at) for at in range(len(strings))])
    if not reasons:
        return BlockRows(table, np.arange(batch.num_rows), [])
    rejected = [
        Rejected(row, reasons[row], shown([_text(c[row]) for c in columns]))
        for row in sorted(reasons)
    ]
    kept = np.delete(np.arange(batch.num_rows), sorted(reasons))
    return BlockRows(table.take(pa.array(kept)), kept, rejected)


def _valid(binary: pa.Array) -> list[int]:
    """Rows that are not UTF-8."""
    try:
        binary.cast(pa.large_string())
    except pa.ArrowInvalid:
        return [row for row, value in enumerate(binary.to_pylist()) if not _decodes(value)]
    return []


def _decodes(value: bytes | None) -> bool:
    try:
        return value is None or bool(value.decode()) or True
    except UnicodeDecodeError:
        return False


def _text(value: pa.Scalar) -> str | None:
    given = value.as_py()
    return given.decode(errors="backslashreplace") if isinstance(given, bytes) else given


def _strings(column: pa.Array) -> pa.Array:
    """A column as strings, or as bytes where it is bytes."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _strings(column.storage)
    if pa.types.is_dictionary(kind):
        return _strings(column.dictionary_decode())
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_large_binary(kind):
        return column
    if pa.types.is_nested(kind) or pa.types.is_duration(kind):
        return pa.array([_json(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_floating(kind):
        return pa.array([_float(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        return _times(column)
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")
    return column.cast(pa.string())


def _times(column: pa.Array) -> pa.Array:
    """ISO 8601 with "T", without a fraction that is zero."""
    zone = column.type.tz
    plain = (
        column.cast(pa.timestamp(column.type.unit))
        if zone is None
        else pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, "UTC")))
    )
    text = pc.replace_substring(plain.cast(pa.string()), " ", "T")
    text = pc.replace_substring_regex(text, r"\.0+$", "")
    return text if zone is None else pc.binary_join_element_wise(text, "Z", "")


def _float(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


def _json(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, (dict, list)):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
