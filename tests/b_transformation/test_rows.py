from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b_transformation.rows import Piece, cut, read_piece


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """Ten rows: two groups of four and one in a file of its own, which lacks a column."""
    raw = tmp_path / "raw"
    raw.mkdir()
    first = {"source_row": range(1, 9), "text": list("abcdefgh"), "brand": list("ABCDEFGH")}
    schema = pa.schema([("source_row", pa.int64()), ("text", pa.string()), ("brand", pa.string())])
    pq.write_table(pa.table(first, schema), raw / "part-0.parquet", row_group_size=4)
    last = {"source_row": [20, 9], "text": ["j", "i"]}
    pq.write_table(pa.table(last, pa.schema(list(schema)[:2])), raw / "part-1.parquet")
    return raw


@pytest.fixture()
def index(tmp_path: Path) -> Path:
    rows = pa.table({"source_row": pa.array([2, 3, 5, 9, 20, 99]), "tweet_id": list("BCEIJX")})
    pq.write_table(rows, tmp_path / "index.parquet", row_group_size=2)
    return tmp_path / "index.parquet"


def read(piece: Piece, index: Path) -> list[tuple[Any, ...]]:
    return [
        (*row.values(), known["source_row"], known["tweet_id"])
        for raw, keys in read_piece(piece, index, columns=["text", "brand"])
        for row, known in zip(raw.to_pylist(), keys.to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("wanted", [1, 3, 7, 100])
def test_each_row_of_the_index_is_read_once(folder: Path, index: Path, wanted: int) -> None:
    pieces = cut(folder, wanted=wanted)
    assert len(pieces) >= wanted
    found = [row for piece in pieces for row in read(piece, index)]
    assert sorted(found) == [
        (2, "b", "B", 2, "B"),
        (3, "c", "C", 3, "C"),
        (5, "e", "E", 5, "E"),
        (9, "i", None, 9, "I"),
        (20, "j", None, 20, "J"),
    ]


def test_groups_are_cut_only_where_they_are_few(folder: Path) -> None:
    assert [(p.path.name, p.group, p.part, p.parts) for p in cut(folder, wanted=3)] == [
        ("part-0.parquet", 0, 0, 1), ("part-0.parquet", 1, 0, 1), ("part-1.parquet", 0, 0, 1),
    ]  # fmt: skip
    assert [(p.group, p.part, p.parts) for p in cut(folder, wanted=4)][:3] == [
        (0, 0, 2), (0, 1, 2), (1, 0, 2),
    ]  # fmt: skip


def test_a_file_without_rows(tmp_path: Path, index: Path) -> None:
    empty = pa.table({"source_row": pa.array([], pa.int64()), "text": pa.array([], pa.string())})
    (tmp_path / "none").mkdir()
    pq.write_table(empty, tmp_path / "none" / "part-0.parquet")
    (piece,) = cut(tmp_path / "none", wanted=1)
    assert read(piece, index) == []
