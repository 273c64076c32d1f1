from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from d_training.data.rows import Parts, Rows
from d_training.data.training_rows import ROWS, held_out_ids, text_key, used_in_training, write_rows


def rows_of(*texts: str) -> Rows:
    n = len(texts)
    return Rows(
        tweet_ids=np.arange(n),
        conversations=np.arange(n),
        texts=np.array(texts, object),
        scores=np.full((n, 2), 0.5, np.float32),
        abstained=np.zeros(n, bool),
        human=np.zeros(n, bool),
    )


def test_training_and_validation_texts_count_as_seen_in_any_spelling(tmp_path: Path) -> None:
    parts = Parts(rows_of("My parcel!", "😀"), rows_of("thanks"), rows_of("held"), 0.0, Counter())
    write_rows(tmp_path, parts)
    texts = ["my PARCEL", "Thanks.", "held", "new", "😀", "😡"]
    assert used_in_training(tmp_path, texts).tolist() == [True, True, False, False, True, False]


def test_held_out_rows_are_named(tmp_path: Path) -> None:
    parts = Parts(rows_of("a"), rows_of("b", "c", "d"), rows_of("e", "f"), 0.0, Counter())
    write_rows(tmp_path, parts)
    assert held_out_ids(tmp_path).tolist() == [0, 1]


def test_file_names_rows_and_holds_no_text(tmp_path: Path) -> None:
    write_rows(tmp_path, Parts(rows_of("my parcel"), rows_of("b"), rows_of("c"), 0.0, Counter()))
    table = pq.read_table(tmp_path / ROWS)
    assert table.column_names == ["tweet_id", "part", "text_key"]
    assert table["part"].to_pylist() == ["train", "validation", "test"]
    assert b"parcel" not in (tmp_path / ROWS).read_bytes()


def test_key_is_stable() -> None:
    # sha256("my parcel"), first eight bytes, as coreutils' sha256sum gives it.
    assert f"{text_key('My parcel!'):016x}" == "d098ebdb6de2b0d3"
