from pathlib import Path

import pytest

from common.errors import SettingsError
from common.labels import LabelSchema, load_labels
from common.synthetic import read_synthetic

ROOT = Path(__file__).resolve().parents[2]
LABELS = """
catch_all: rest
synthetic: more.csv
labels:
  - {name: bills, description: about bills, hypotheses: [It is about a bill.]}
  - {name: rest, description: all else, hypotheses: [It is about nothing.]}
"""


def schema_with(folder: Path, csv: str, *, labels: str = LABELS) -> LabelSchema:
    (folder / "more.csv").write_text(csv, encoding="utf-8")
    (folder / "labels.yaml").write_text(labels, encoding="utf-8")
    return load_labels(folder / "labels.yaml")


def test_messages_are_cleaned_as_real_ones_are_and_copies_fold_into_one(tmp_path: Path) -> None:
    schema = schema_with(
        tmp_path, 'text,label\n"@shop  why, why? https://t.co/x",bills\nlol,rest\nLOL!,rest\n'
    )
    assert read_synthetic(schema) == [("@brand why, why?", 0), ("lol", 1)]


def test_a_labels_file_that_names_none_has_none(tmp_path: Path) -> None:
    schema = schema_with(tmp_path, "", labels=LABELS.replace("synthetic: more.csv", ""))
    assert schema.synthetic_files == []
    assert read_synthetic(schema) == []


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("label,message\nbills,hi\n", "more.csv has no column 'text'; it has 'label', 'message'"),
        ("label,text\nbills,hi\nbill,ho\n", "line 3: 'bill' is not one of the labels bills, rest"),
        ("label,text\nbills, \n", "line 2: no text"),
        ("label,text\nbills\n", "line 2: wrong number of columns (1, the header has 2)"),
        (
            "label,text\nbills,a bill\nbills,Hello, I was charged twice, refund me\n",
            "more.csv, line 3: wrong number of columns (4, the header has 2); put a field that "
            "holds ',' into double quotes",
        ),
        ("label,text\nbills,Hi!\nrest,hi\n", "line 3: the text stands under 'bills' already"),
        ('label,text\nbills,"hi\n', "more.csv, line 2: broken quote; close it"),
    ],
)
def test_a_bad_row_is_refused_by_its_line(tmp_path: Path, csv: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_synthetic(schema_with(tmp_path, csv))
    assert said in str(caught.value)


def test_a_missing_file_is_named_with_the_remedy_and_only_where_it_is_needed(
    tmp_path: Path,
) -> None:
    schema = schema_with(tmp_path, "")
    (tmp_path / "more.csv").unlink()
    assert load_labels(tmp_path / "labels.yaml") == schema  # as serving loads it
    with pytest.raises(SettingsError, match=r"more\.csv does not exist; put the CSV there"):
        read_synthetic(schema)


def test_the_shipped_messages_are_many_and_none_is_a_sentence_of_the_schema() -> None:
    schema = load_labels(ROOT / "conf/labels.yaml")
    messages = read_synthetic(schema)
    counts = [sum(label == k for _, label in messages) for k in range(len(schema.names))]
    assert min(counts) > 1_000
    assert not {text.lower() for text, _ in messages} & {t.lower() for t, _ in schema.sentences}
