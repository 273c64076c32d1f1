import numpy as np

from common.labels import Label, LabelSchema
from d_training.lessons import schema_lessons


def test_every_sentence_of_the_schema_teaches_its_label():
    schema = LabelSchema(
        catch_all="b",
        labels=(
            Label(name="a", description="d", hypotheses=("h",), examples=("e", "f")),
            Label(name="b", description="g", hypotheses=("i",), keywords=("never",)),
        ),
    )
    texts, targets = schema_lessons(schema)
    assert texts == ["d", "h", "e", "f", "g", "i"]
    np.testing.assert_allclose(targets, [[0.95, 0.05]] * 4 + [[0.05, 0.95]] * 2, atol=1e-6)
