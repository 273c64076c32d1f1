"""Put records that are read one by one together in blocks of Arrow strings."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from common.tables.delimited.records import Rejected
from common.tables.delimited.rows import BlockRows
from common.tables.formats.entries import Entries, Entry

_BLOCK_CHARS = 8 << 20
_BLOCK_RECORDS = 20_000


def in_blocks(entries: Entries) -> Iterator[BlockRows]:
    """All entries, in order; what is null or missing is null."""
    width = len(entries.columns)
    taken: list[Entry] = []
    chars = 0
    for entry in entries.records:
        taken.append(entry)
        chars += len(entry.record) + sum(map(len, filter(None, entry.fields)))
        if chars > _BLOCK_CHARS or len(taken) == _BLOCK_RECORDS:
            yield _block(taken, width)
            taken, chars = [], 0
    if taken:
        yield _block(taken, width)


def _block(entries: list[Entry], width: int) -> BlockRows:
    rows = [at for at, entry in enumerate(entries) if not entry.reason]
    flat = list(chain.from_iterable(entries[at].fields for at in rows))
    columns = [pa.array(flat[at::width], pa.string()) for at in range(width)]
    table = pa.table(columns, names=[str(at) for at in range(width)])
    rejected = [
        Rejected(at, entry.reason, entry.record) for at, entry in enumerate(entries) if entry.reason
    ]
    return BlockRows(table, np.array(rows, np.int64), rejected)
