"""Which texts a model was made from: rows.parquet in its folder, ids and digests, no texts.

tweet_id int64, part (train, validation, test), text_key uint64. Copies of a text share a key.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.text import dedup_key
from d_training.data.rows import Parts

ROWS = "rows.parquet"


def write_rows(folder: Path, parts: Parts) -> None:
    """Write rows.parquet into a model folder."""
    named = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    tables = [
        pa.table(
            {
                "tweet_id": pa.array(part.tweet_ids, pa.int64()),
                "part": pa.array([name] * len(part), pa.string()),
                "text_key": pa.array([text_key(text) for text in part.texts], pa.uint64()),
            }
        )
        for name, part in named.items()
    ]
    pq.write_table(pa.concat_tables(tables), folder / ROWS)


def used_in_training(folder: Path, texts: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) whether the model of a folder was trained or calibrated on each natural text."""
    table = pq.read_table(folder / ROWS)
    held_out = table["part"].to_numpy(zero_copy_only=False) == "test"
    used = set(table["text_key"].to_numpy()[~held_out].tolist())
    return np.array([text_key(text) in used for text in texts], np.bool_)


def held_out_ids(folder: Path) -> NDArray[np.int64]:
    """tweet_ids of the rows that the model of a folder was tested on."""
    table = pq.read_table(folder / ROWS, columns=["tweet_id", "part"])
    held_out = table["part"].to_numpy(zero_copy_only=False) == "test"
    return np.asarray(table["tweet_id"].to_numpy()[held_out])


def text_key(natural: str) -> int:
    """64 bits that stand for a text, whatever its case and punctuation."""
    return int.from_bytes(hashlib.sha256(dedup_key(natural).encode()).digest()[:8], "big")
