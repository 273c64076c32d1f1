"""data/labeled/messages as arrays, a batch at a time, so that millions of rows need little memory.

Labels and votes become positions in the schema; -1 is an abstention, or a member without opinion.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DataError

NOTHING = -1
_COLUMNS = ("text", "label", "confidence", "scores", "votes")
_BATCH_ROWS = 16_384


class LabeledRows(NamedTuple):
    """N messages; K labels in schema order, M members of the teacher."""

    texts: pa.Array
    labels: NDArray[np.int64]  # (N,)
    confidence: NDArray[np.float32]  # (N,)
    scores: NDArray[np.float32]  # (N, K)
    votes: NDArray[np.int64]  # (N, M)


def read_rows(
    folder: Path, *, names: Sequence[str], members: Sequence[str]
) -> Iterator[LabeledRows]:
    """Yield all rows of a folder of Parquet files, in the order of the files' names.

    Raises:
        DataError: if a column is missing, or the rows do not fit ``names`` and ``members``.
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise DataError(f"{folder} holds no Parquet file; run `make classify`")
    for path in files:
        with pq.ParquetFile(path) as file:
            missing = [name for name in _COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise DataError(
                    f"{path} lacks the column {', '.join(missing)}; run `make classify` again"
                )
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
                yield LabeledRows(
                    batch.column("text"),
                    _positions(batch.column("label"), names, path),
                    np.asarray(batch.column("confidence"), np.float32),
                    _matrix(batch.column("scores"), len(names), path),
                    _positions(
                        _flat(batch.column("votes"), len(members), path), names, path
                    ).reshape(-1, len(members)),
                )


def _positions(labels: pa.Array, names: Sequence[str], path: Path) -> NDArray[np.int64]:
    found = pc.index_in(labels, value_set=pa.array(names, pa.string()))
    if found.null_count != labels.null_count:
        raise DataError(
            f"{path} holds labels other than {', '.join(names)}; run `make classify` again"
        )
    return np.asarray(found.fill_null(NOTHING), np.int64)


def _matrix(lists: pa.Array, width: int, path: Path) -> NDArray[np.float32]:
    return np.asarray(_flat(lists, width, path), np.float32).reshape(-1, width)  # (N, width)


def _flat(lists: pa.Array, width: int, path: Path) -> pa.Array:
    """The values of N lists of ``width`` each, in one array."""
    lengths = pc.list_value_length(lists)
    if lists.null_count or not pc.all(pc.equal(lengths, width), min_count=0).as_py():
        raise DataError(f"{path} holds lists that are not {width} long; run `make classify` again")
    return lists.flatten()
