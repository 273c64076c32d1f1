from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from d_training.data.rows import Rows
from d_training.held_out.figures import HeldOut
from d_training.held_out.slices import slice_agreement


def held_out(texts: Any, *, right: Any, abstained: Any = ()) -> HeldOut:
    """Rows of two labels, of which the teacher says the first; the student where it is right."""
    n = len(texts)
    ids = np.arange(n)
    scores = np.tile(np.array([0.75, 0.25], np.float32), (n, 1))
    rows = Rows(ids, ids, np.array(texts, object), scores, np.isin(ids, abstained), ids < 0)
    probs = np.where(np.isin(ids, right)[:, None], scores, scores[:, ::-1])
    return HeldOut(rows, probs, 0.0)


def curated(folder: Path, langs: Any, brands: Any) -> Path:
    path = folder / "messages" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    n = len(langs)
    table = {
        "tweet_id": pa.array(range(n), pa.int64()),
        "lang": pa.array(langs, pa.string()),
        "brand": pa.array(brands, pa.string()),
    }
    # In another order than the held-out rows.
    pq.write_table(pa.table(table).take(list(reversed(range(n)))), path)
    return folder


def test_lengths_are_in_order_and_what_is_rare_is_folded() -> None:
    texts = ["x" * 121] * 20 + ["x" * 60] * 22 + ["x" * 61, "x" * 201]
    found = slice_agreement(held_out(texts, right=range(30)), None)
    assert list(found) == ["length"]
    assert [(s.name, s.texts) for s in found["length"]] == [
        ("up to 60 characters", 22),
        ("121 to 200 characters", 20),
        ("other (2 kinds)", 2),
    ]
    assert [s.agreement for s in found["length"]] == pytest.approx([10 / 22, 1, 0])
    low, high = found["length"][0].interval_95
    assert 0.2 < low < 10 / 22 < high < 0.7


def test_language_and_brand_come_from_the_curated_rows_that_the_teacher_labeled(
    tmp_path: Path,
) -> None:
    langs = ["en"] * 25 + ["es"] * 25 + [None] * 2
    brands = ["shop"] * 21 + ["bank"] * 21 + [None] * 10
    found = slice_agreement(
        held_out(["text"] * 52, right=range(25), abstained=range(5)),
        curated(tmp_path, langs, brands),
    )
    assert [(s.name, s.texts, s.agreement) for s in found["language"]] == [
        ("es", 25, 0.0),
        ("en", 20, 1.0),
        ("other (1 kind)", 2, 0.0),
    ]
    # Of the shop 16 texts are left, too few to stand alone.
    assert [(s.name, s.texts) for s in found["brand"]] == [
        ("bank", 21),
        ("other (2 kinds)", 26),
    ]


def test_the_twelve_most_frequent_stand_alone(tmp_path: Path) -> None:
    brands = [f"brand {n:02}" for n in range(13) for _ in range(20 + n)]
    texts = ["text"] * len(brands)
    found = slice_agreement(
        held_out(texts, right=()), curated(tmp_path, ["en"] * len(brands), brands)
    )
    alone = [(f"brand {n:02}", 20 + n) for n in range(12, 0, -1)]
    assert [(s.name, s.texts) for s in found["brand"]] == [*alone, ("other (1 kind)", 20)]


def test_a_slice_holds_figures_and_no_text() -> None:
    found = slice_agreement(held_out(["secret words"] * 30, right=range(9)), None)
    assert list(found) == ["length"]
    assert [one.model_dump() for one in found["length"]] == [
        {
            "name": "up to 60 characters",
            "texts": 30,
            "agreement": 0.3,
            "interval_95": pytest.approx((0.1666, 0.4788), abs=1e-4),
        }
    ]
