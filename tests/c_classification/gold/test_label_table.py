from pathlib import Path

import pyarrow.parquet as pq
import pytest

from c_classification.gold.label_table import label_table
from common.config.schema import Settings
from common.errors import DataError

CSV = 'id,text\n1,"@Acme my parcel\nnot arrived &amp; late"\n2,\n3,@115 thanks https://t.co/x\n'


@pytest.fixture()
def source(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text(CSV, encoding="utf-8-sig")
    return path


def test_every_record_is_labeled_in_order_as_models_read_it(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    label_table(settings, source, tmp_path / "out" / "teacher.parquet")
    table = pq.read_table(tmp_path / "out" / "teacher.parquet")
    assert table.column_names == ["row", "text", "label", "confidence", "scores"]
    assert str(table.schema.field("row").type) == "int64"
    rows = table.to_pylist()
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["text"] for row in rows] == [
        "@brand my parcel not arrived & late", "", "@user thanks",
    ]  # fmt: skip
    for row in rows:
        assert len(row["scores"]) == 3
        assert row["confidence"] == max(row["scores"])


def test_header_only_gives_an_empty_table(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("text\n")
    label_table(settings, tmp_path / "none.csv", tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_missing_column_is_named_with_those_that_are_there(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no column 'body'; it has 'id', 'text'"):
        label_table(settings, source, tmp_path / "out.parquet", column="body")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"text\n\xff\xfe\n", r"bad\.csv, line 2: not UTF-8"),
        (b'text\n"a\n', r"bad\.csv, line 2: broken quote"),
        (b"text\nHello,you\n", r"bad\.csv, line 2: wrong number of columns"),
    ],
)
def test_unreadable_csv_is_refused(
    settings: Settings, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match=said):
        label_table(settings, tmp_path / "bad.csv", tmp_path / "out.parquet")


def test_missing_csv_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist; name a table"):
        label_table(settings, tmp_path / "none.csv", tmp_path / "out.parquet")


def test_unchanged_texts_are_not_labeled_again(
    settings: Settings, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "teacher.parquet"
    label_table(settings, source, out)
    before = out.stat().st_mtime_ns
    label_table(settings, source, out)
    assert out.stat().st_mtime_ns == before
    source.write_text(CSV + "4,late again\n", encoding="utf-8")
    label_table(settings, source, out)
    assert pq.read_table(out).num_rows == 4
