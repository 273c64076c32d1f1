from pathlib import Path

import numpy as np
import pytest

from c_classification.teacher.embedding import (
    EmbeddingTeacher,
    lessons,
    prepare_embedding,
    without_handles,
)
from c_classification.teacher.tuning import Lesson
from common.config.schema import Settings
from common.labels import Label, LabelSchema, load_labels

TEXTS = ["my parcel not arrived", "@brand charged twice", "thanks user", "help"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@brand my parcel is late", "my parcel is late"),
        ("@user @brand: charged twice, @brand.", "charged twice,"),
        ("a@brandnew thing and @brandish", "a@brandnew thing and @brandish"),
        ("@brand @user", "@brand @user"),
        ("", ""),
    ],
)
def test_handles_are_left_out(text: str, expected: str) -> None:
    assert without_handles(text) == expected


def test_labels_are_taught_by_all_that_the_schema_says_of_them() -> None:
    schema = LabelSchema(
        catch_all="b",
        labels=(
            Label(name="a", description="d", hypotheses=("h",), examples=("@brand e", "f")),
            Label(name="b", description="about b", hypotheses=("is b", "was b")),
        ),
    )
    assert lessons(schema) == [
        Lesson("d", 0), Lesson("h", 0), Lesson("e", 0), Lesson("f", 0),
        Lesson("about b", 1), Lesson("is b", 1), Lesson("was b", 1),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_scores_are_probabilities_and_do_not_depend_on_the_neighbours(
    settings: Settings, cache: Path
) -> None:
    schema, chosen = load_labels(settings.labels), settings.classification
    folder = prepare_embedding(chosen, schema, cache=cache)
    teacher = EmbeddingTeacher(chosen, schema, folder, threads=1)
    scores = teacher.score(TEXTS)
    assert scores.shape == (4, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    alone = np.concatenate([teacher.score([text]) for text in TEXTS])
    np.testing.assert_allclose(scores, alone, atol=1e-6)
    assert teacher.score([]).shape == (0, 3)


def test_the_examples_themselves_get_their_label(settings: Settings, cache: Path) -> None:
    schema, chosen = load_labels(settings.labels), settings.classification
    folder = prepare_embedding(chosen, schema, cache=cache)
    scores = EmbeddingTeacher(chosen, schema, folder, threads=1).score(
        ["my parcel not arrived", "charged twice", "thanks user"]
    )
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
