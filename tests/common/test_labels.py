import hashlib
from pathlib import Path

import pytest

from common.errors import SettingsError
from common.labels import load_labels

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
catch_all: rest
labels:
  - {name: bills, description: about bills, hypotheses: [It is about a bill.]}
  - {name: rest, description: all else, hypotheses: [It is about nothing.]}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_labels_keep_their_order() -> None:
    assert load_labels(ROOT / "conf/labels.yaml").names == (
        "billing issue",
        "shipping problem",
        "product defect",
        "customer service",
        "other",
    )


def test_digest_changes_with_the_wording(tmp_path: Path) -> None:
    before = load_labels(write(tmp_path, GOOD)).sha256
    assert load_labels(write(tmp_path, GOOD)).sha256 == before
    assert load_labels(write(tmp_path, GOOD.replace("a bill.", "an invoice."))).sha256 != before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("catch_all: rest", "catch_all: misc", "catch_all 'misc' is not one of: bills, rest"),
        ("name: rest", "name: bills", "label names appear twice: bills"),
        ("hypotheses: [It is about a bill.]", "hypotheses: []", "labels.0.hypotheses"),
        ("description: all else", "descripton: all else", "labels.1.descripton"),
        ("description: all else", "description: '  '", "labels.1.description"),
        ("description: all else", f"description: {'x' * 501}", "labels.1.description"),
        ("catch_all: rest", "catch_all: rest\ncolor: red", "color: Extra inputs"),
        ("labels:", "labels: [", "is not YAML"),
        (
            "name: bills",
            "name: 12:30",
            "labels.0.name: YAML reads 750 here; put the text in quotes",
        ),
        ("name: bills", "name: yes", "labels.0.name: YAML reads True here; put the text in quotes"),
        (
            "name: bills",
            "name: null",
            "labels.0.name: YAML reads None here; put the text in quotes",
        ),
    ],
)
def test_bad_file_is_refused_with_its_reason(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_labels(write(tmp_path, GOOD.replace(old, new)))
    assert said in str(caught.value)


def test_texts_have_1_to_500_characters_and_no_space_around_them(tmp_path: Path) -> None:
    text = GOOD.replace("about bills", "' b '").replace("all else", "x" * 500)
    assert [k.description for k in load_labels(write(tmp_path, text)).labels] == ["b", "x" * 500]


def test_digest_is_that_of_what_the_file_says_and_of_nothing_more(tmp_path: Path) -> None:
    said = (
        '{"catch_all":"rest","labels":['
        '{"name":"bills","description":"about bills","hypotheses":["It is about a bill."],'
        '"examples":[],"keywords":[]},'
        '{"name":"rest","description":"all else","hypotheses":["It is about nothing."],'
        '"examples":[],"keywords":[]}]}'
    )
    assert load_labels(write(tmp_path, GOOD)).sha256 == hashlib.sha256(said.encode()).hexdigest()


def test_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist; set LABELS=path"):
        load_labels(tmp_path / "none.yaml")


def test_a_label_in_quotes_is_called_anything(tmp_path: Path) -> None:
    text = GOOD.replace("name: bills", "name: '12:30'").replace("rest", "'#1'")
    assert load_labels(write(tmp_path, text)).names == ("12:30", "#1")
