"""Parquet files made whole by one rename, each with the key of the plan that it was made by."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_KEY = "key"


def write_keyed(table: pa.Table, path: Path, *, key: str) -> None:
    """Write ``table``; a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    pq.write_table(table.replace_schema_metadata({_KEY: key}), partial)
    partial.replace(path)


def key_of(path: Path) -> str | None:
    """The key under which a file of ours was made; None for no file, or another one."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return metadata.get(_KEY.encode(), b"").decode() or None
