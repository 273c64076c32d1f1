from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.ingestion import IngestionSettings
from common.errors import DataError
from common.labels import Label, LabelSchema
from common.tables.input import TableInput
from common.text import TextRules
from d_training.evaluation.gold import read_answers, read_gold, read_wording

RULES = TextRules()
SCHEMA = LabelSchema(
    catch_all="rest",
    labels=tuple(Label(name=n, description="d", hypotheses=("h",)) for n in ("bill", "rest")),
)
CSV = (
    'text,label,note\n"Hi &amp; bye @12, see https://x.y",rest,\n,bill,\n"a\nb",,\nmoney, bill ,\n'
)


@pytest.fixture()
def gold_csv(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    path.write_text(CSV, encoding="utf-8-sig")
    return path


def write_answers(
    path: Path, rows: Any = (0, 1, 2, 3), texts: Any = None, scores: Any = None
) -> Path:
    texts = texts or ["Hi & bye @user, see", "", "a b", "money"]
    pq.write_table(
        pa.table(
            {
                "row": pa.array(rows, pa.int64()),
                "text": texts,
                "label": pa.array([None, None, None, "bill"], pa.string()),
                "confidence": pa.array([0.5, 0.5, 0.5, 0.75], pa.float32()),
                "scores": pa.array(
                    scores or [[1, 1], [1, 1], [1, 1], [3, 1]], pa.list_(pa.float32())
                ),
            }
        ),
        path,
    )
    return path


def test_texts_are_read_as_models_read_them_and_the_rest_is_counted(gold_csv: Path) -> None:
    gold = read_gold(gold_csv, SCHEMA, rules=RULES)
    assert gold.texts == ["Hi & bye @user, see", "money"]
    assert gold.truth.tolist() == [1, 0]
    assert gold.records.tolist() == [0, 3]
    assert gold.left_out == {"no text": 1, "no label": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,lable\na,bill\n", "has no column 'label'; it has 'text', 'lable'"),
        ("a,b\n1,2\n", "has no column 'text' and no column 'label'; it has 'a', 'b'"),
        ("", "gold.csv is empty; it needs a header line"),
        (
            "text,label\na,Bill\nb,money\nc,money\nd,bill\n",
            r"'money' \(2 rows\), 'Bill' \(1 rows\); known are bill, rest",
        ),
        ("text,label\n,bill\n", "holds no row with both a text and a label"),
        ('text,label\n"a,bill\n', r"gold\.csv, line 2: broken quote; close it"),
        (
            'text,label\n"ok, quoted",bill\nThe courier came, but late,rest\n',
            r"gold\.csv, line 3: wrong number of columns \(3, the header has 2\); put a field that "
            "holds ',' into double quotes",
        ),
    ],
)
def test_bad_gold_is_refused_with_its_reason(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "gold.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_gold(path, SCHEMA, rules=RULES)


def test_gold_is_read_as_it_is_written_or_as_settings_say(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes("text;label\nzu viel für Öl bezahlt;bill\nwo, bitte?;rest\n".encode("cp1252"))
    ingestion = IngestionSettings(encoding="cp1252", delimiter=";")
    for source in (path, TableInput.of(path, ingestion)):
        gold = read_gold(source, SCHEMA, rules=RULES)
        assert gold.texts == ["zu viel für Öl bezahlt", "wo, bitte?"]


def test_missing_or_binary_gold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        read_gold(tmp_path / "none.csv", SCHEMA, rules=RULES)
    (tmp_path / "gold.csv").write_bytes(b"text,label\n\xff\xfe,bill\n")
    with pytest.raises(DataError, match=r"gold\.csv, line 2: not UTF-8; save the file as UTF-8"):
        read_gold(tmp_path / "gold.csv", SCHEMA, rules=RULES)


def test_answers_follow_the_gold_rows(tmp_path: Path, gold_csv: Path) -> None:
    path = write_answers(
        tmp_path / "t.parquet",
        rows=(3, 2, 1, 0),
        texts=["money", "a b", "", "Hi & bye @user, see"],
        scores=[[3, 1], [1, 1], [1, 1], [1, 3]],
    )
    answers = read_answers(path, read_gold(gold_csv, SCHEMA, rules=RULES), SCHEMA)
    np.testing.assert_allclose(answers.probs, [[0.25, 0.75], [0.75, 0.25]])
    assert answers.answered.tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"texts": ["x", "", "a b", "money"]}, "was made from another CSV"),
        ({"rows": (0, 1, 2, 7)}, "was made from another CSV"),
        ({"scores": [[1, 1, 1]] * 4}, "was made with another label schema"),
    ],
)
def test_answers_to_something_else_are_refused(
    tmp_path: Path, gold_csv: Path, change: Any, said: str
) -> None:
    path = write_answers(tmp_path / "t.parquet", **change)
    with pytest.raises(DataError, match=said):
        read_answers(path, read_gold(gold_csv, SCHEMA, rules=RULES), SCHEMA)


def test_answers_of_another_shape_are_refused(tmp_path: Path, gold_csv: Path) -> None:
    gold = read_gold(gold_csv, SCHEMA, rules=RULES)
    with pytest.raises(DataError, match="is missing"):
        read_answers(tmp_path / "none.parquet", gold, SCHEMA)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"is not what c_classification\.label_table writes"):
        read_answers(tmp_path / "t.parquet", gold, SCHEMA)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(DataError, match=r"is not what c_classification\.label_table writes"):
        read_answers(tmp_path / "t.parquet", gold, SCHEMA)


def write_wording(
    path: Path,
    rows: Any = (0, 1, 2, 3),
    texts: Any = None,
    names: Any = ("rest", "bill", "bill", "rest"),
) -> Path:
    pq.write_table(
        pa.table(
            {
                "row": pa.array(rows, pa.int64()),
                "text": texts or ["Hi & bye @user, see", "", "a b", "money"],
                "names": list(names),
                "descriptions": ["bill", "bill", "bill", "rest"],
                "embedding": pa.array(
                    [[1, 0], [0.5, 0.5], [0.25, 0], [0, 1]], pa.list_(pa.float32())
                ),
            }
        ),
        path,
    )
    return path


def test_wording_follows_the_gold_rows(tmp_path: Path, gold_csv: Path) -> None:
    wording = read_wording(
        write_wording(tmp_path / "w.parquet"), read_gold(gold_csv, SCHEMA, rules=RULES), SCHEMA
    )
    assert wording.names.tolist() == [1, 1]
    assert wording.descriptions.tolist() == [0, 1]
    assert wording.vectors.dtype == np.float32
    assert wording.vectors.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"texts": ["x", "", "a b", "money"]}, "was made from another CSV"),
        ({"rows": (0, 1, 2, 7)}, "was made from another CSV"),
        ({"names": ["rest", "bill", "bill", "fees"]}, "was made with another label schema"),
    ],
)
def test_wording_of_something_else_is_refused(
    tmp_path: Path, gold_csv: Path, change: dict[Any, Any], said: str
) -> None:
    path = write_wording(tmp_path / "w.parquet", **change)
    with pytest.raises(DataError, match=said):
        read_wording(path, read_gold(gold_csv, SCHEMA, rules=RULES), SCHEMA)


def test_wording_of_another_shape_is_refused(tmp_path: Path, gold_csv: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "w.parquet")
    with pytest.raises(DataError, match=r"is not what c_classification\.wording writes"):
        read_wording(tmp_path / "w.parquet", read_gold(gold_csv, SCHEMA, rules=RULES), SCHEMA)
