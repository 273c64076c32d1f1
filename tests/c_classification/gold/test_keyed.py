from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from c_classification.gold.keyed import key_of, write_keyed


def test_a_file_carries_the_key_that_it_was_written_with(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.parquet"
    assert key_of(path) is None
    write_keyed(pa.table({"a": [1, 2]}), path, key="0123")
    assert key_of(path) == "0123"
    write_keyed(pa.table({"a": [3]}), path, key="4567")
    assert key_of(path) == "4567"
    assert pq.read_table(path)["a"].to_pylist() == [3]
    assert [p.name for p in path.parent.iterdir()] == ["a.parquet"]


def test_a_file_of_others_has_no_key(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    assert key_of(tmp_path / "a.parquet") is None
    (tmp_path / "b.parquet").write_bytes(b"PAR1 not at all")
    assert key_of(tmp_path / "b.parquet") is None
