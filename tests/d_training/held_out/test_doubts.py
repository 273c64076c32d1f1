from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from d_training.data.languages import count_languages
from d_training.held_out.doubts import doubts

NAMES = ("bill", "parcel", "rest")


def test_texts_enough_of_each_label_raise_no_doubt() -> None:
    assert doubts((20, 20, 10), (30, 10, 10), names=NAMES, languages={"en": 41, "es": 9}) == []


def test_few_texts_and_absent_labels_are_named() -> None:
    assert doubts((25, 24, 0), (48, 1, 0), names=NAMES, languages={}) == [
        "only 49 texts, fewer than 50: the scores say little",
        "no text is labeled 'rest': nothing is known about this label",
    ]


def test_a_constant_model_and_one_label_are_named() -> None:
    assert doubts((0, 0, 60), (0, 0, 60), names=NAMES, languages={"en": 60}) == [
        "all 60 texts are labeled 'rest': no score can tell models apart",
        "the model gives every text the label 'rest'",
    ]


def test_other_languages_are_named_from_a_fifth_on() -> None:
    languages = {"en": 48, "es": 6, "pt": 4, "fr": 1, "de": 1}
    assert doubts((30, 20, 10), (30, 20, 10), names=NAMES, languages=languages) == [
        "12 of 60 texts are not English (es 6, pt 4, fr 1): the default models do not read these "
        "languages"
    ]
    languages |= {"en": 49, "de": 0}
    assert doubts((30, 20, 10), (30, 20, 10), names=NAMES, languages=languages) == []


def test_languages_of_some_rows_are_counted(tmp_path: Path) -> None:
    langs = ["en", "es", None, "es", "de"]
    table = pa.table({"tweet_id": pa.array(range(5), pa.int64()), "lang": langs})
    pq.write_table(table, tmp_path / "part-0.parquet")
    assert count_languages(tmp_path, np.array([0, 1, 2, 3])) == {"es": 2, "en": 1}


def test_rows_without_languages_give_no_counts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tweet_id": pa.array([1])}), tmp_path / "part-0.parquet")
    assert count_languages(tmp_path, np.array([1])) == {}
