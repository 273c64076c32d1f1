from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common.labels import Label, LabelSchema, load_labels
from d_training.data.lessons import describe_label_source, schema_lessons


def test_every_sentence_of_the_schema_teaches_its_label(tmp_path: Path) -> None:
    schema = LabelSchema(
        catch_all="b",
        labels=(
            Label(name="a", description="d", hypotheses=("h",), examples=("e", "f")),
            Label(name="b", description="g", hypotheses=("i",), keywords=("never",)),
        ),
    )
    texts, targets = schema_lessons(schema, labeled=tmp_path)
    assert texts == ["d", "h", "e", "f", "g", "i"]
    np.testing.assert_allclose(targets, [[0.95, 0.05]] * 4 + [[0.05, 0.95]] * 2, atol=1e-6)


def test_synthetic_messages_teach_theirs_too_and_count_half(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text(
        "{catch_all: b, synthetic: more.csv, labels: [{name: a, description: d, hypotheses: [h]},"
        " {name: b, description: g, hypotheses: [i]}]}",
        encoding="utf-8",
    )
    (tmp_path / "more.csv").write_text("label,text\nb,bye\na,hello\n", encoding="utf-8")
    schema = load_labels(tmp_path / "labels.yaml")
    texts, targets = schema_lessons(schema, labeled=tmp_path)
    assert texts == ["d", "h", "g", "i", "bye", "hello"]
    np.testing.assert_allclose(targets[:4].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(targets[4:], [[0.025, 0.475], [0.475, 0.025]], atol=1e-6)

    # The teacher's scores, 0.8 and 0.2 once they sum to 1, count as much as the label.
    (tmp_path / "synthetic").mkdir()
    table = pa.table({"text": ["bye"], "label": ["b"], "scores": [[1.6, 0.4]]})
    pq.write_table(table, tmp_path / "synthetic" / "part-0.parquet")
    texts, targets = schema_lessons(schema, labeled=tmp_path)
    np.testing.assert_allclose(targets[4:], [[0.2125, 0.2875], [0.475, 0.025]], atol=1e-6)


def test_cards_say_what_labels_are_known_from() -> None:
    assert describe_label_source(0) == "the wording in labels.yaml alone"
    assert describe_label_source(1234).endswith(
        "labels.yaml alone, to which 1,234 synthetic messages belong"
    )
