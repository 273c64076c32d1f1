from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from c_classification.gold.wording import label_by_wording, nearest_labels
from common.config.schema import Settings
from common.errors import DataError

# The second text is bill's description, word for word; the first is parcel's beside a handle.
CSV = "text,label\n@Acme the parcel is late,parcel\nthe bill is wrong,bill\n,rest\nthanks,rest\n"


@pytest.fixture()
def source(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_the_label_of_highest_cosine_is_the_nearest() -> None:
    labels = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    texts = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    # Products: 1 .6 0; .8 .96 .6; 0 .8 1; -1 -.6 0.
    assert nearest_labels(texts, labels).tolist() == [0, 1, 2, 2]


def test_every_record_gets_two_labels_and_its_embedding(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reports" / "wording.parquet"
    label_by_wording(settings, source, out)
    table = pq.read_table(out)
    assert table.column_names == ["row", "text", "names", "descriptions", "embedding"]
    assert str(table.schema.field("row").type) == "int64"
    assert str(table.schema.field("embedding").type.value_type) == "float"
    assert table["row"].to_pylist() == [0, 1, 2, 3]
    assert table["text"].to_pylist() == [
        "@brand the parcel is late", "the bill is wrong", "", "thanks",
    ]  # fmt: skip
    descriptions = table["descriptions"].to_pylist()
    assert [descriptions[k] for k in (0, 1, 3)] == ["parcel", "bill", "rest"]
    assert set(table["names"].to_pylist()) <= {"parcel", "bill", "rest"}
    vectors = np.array(table["embedding"].to_pylist())
    assert vectors.shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_unchanged_texts_are_not_embedded_again(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "wording.parquet"
    label_by_wording(settings, source, out)
    before = out.stat().st_mtime_ns
    label_by_wording(settings, source, out)
    assert out.stat().st_mtime_ns == before
    # The teacher that is chosen and how it is tuned make no difference to a frozen encoder.
    tuned = settings.classification.embedding.model_copy(update={"tune_steps": 5})
    chosen = settings.classification.model_copy(update={"embedding": tuned, "teacher": "nli"})
    other = settings.model_copy(update={"classification": chosen})
    label_by_wording(other, source, out)
    assert out.stat().st_mtime_ns == before
    source.write_text(CSV + "late again,parcel\n", encoding="utf-8")
    label_by_wording(settings, source, out)
    assert pq.read_table(out).num_rows == 5


def test_header_only_gives_an_empty_table(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("text,label\n")
    label_by_wording(settings, tmp_path / "none.csv", tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_missing_csv_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv does not exist"):
        label_by_wording(settings, tmp_path / "nowhere.csv", tmp_path / "none.parquet")
