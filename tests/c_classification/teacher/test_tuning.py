import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c_classification.teacher import embedding, tuning
from c_classification.teacher.embedding import EmbeddingTeacher, prepare_embedding
from c_classification.teacher.label_adapter import shipped
from c_classification.teacher.tuning import Course, Lesson, paired_batches, train_adapter, tune_once
from common.config.classification import ClassificationSettings, EmbeddingSettings
from common.errors import DataError
from common.labels import Label, LabelSchema
from common.stage.files import sha256_of

A, B, C, X = Lesson("a", 0), Lesson("b", 0), Lesson("c", 0), Lesson("x", 1)
SCHEMA = LabelSchema(
    catch_all="bill",
    labels=(
        Label(
            name="parcel",
            description="d",
            hypotheses=("h",),
            examples=("my parcel not arrived", "order not arrived", "the parcel was wrong"),
        ),
        Label(
            name="bill",
            description="charged twice",
            hypotheses=("refund the bill", "i was charged"),
        ),
    ),
)


def test_batches_hold_as_many_of_each_label_and_use_every_lesson_before_one_again() -> None:
    batches = list(itertools.islice(paired_batches([A, B, C, X], size=6, seed=5), 4))
    assert [[lesson.label for lesson in batch] for batch in batches] == [[0, 0, 0, 1, 1, 1]] * 4
    for batch in batches:
        assert sorted(batch[:3]) == [A, B, C]
        assert batch[3:] == [X, X, X]


def test_batches_follow_the_seed() -> None:
    def first(seed: int) -> Any:
        lessons = [A, B, C, *[Lesson(str(n), 1) for n in range(9)]]
        return next(paired_batches(lessons, size=6, seed=seed))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_more_labels_than_pairs_in_a_batch_take_turns() -> None:
    lessons = [Lesson(f"{k}{n}", k) for k in range(6) for n in range(2)]
    batches = list(itertools.islice(paired_batches(lessons, size=4, seed=0), 3))
    assert sorted(lesson for batch in batches for lesson in batch) == lessons
    for first, second, third, fourth in batches:
        assert first.label == second.label != third.label == fourth.label


def test_the_loss_is_that_of_each_pairs_share_among_the_others() -> None:
    import torch

    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # Likeness over temperature 0.1: 10 to the pair's other half, 0 to the third text.
    expected = math.log(1 + math.exp(-10))
    loss = tuning.contrastive_loss(vectors, torch.tensor([4, 4, 7]))
    assert float(loss) == pytest.approx(expected, rel=1e-3)
    apart = tuning.contrastive_loss(vectors, torch.tensor([4, 7, 4]))
    # The first lies far from its other half (10 less than from the second), the third as near.
    assert float(apart) == pytest.approx((math.log(1 + math.exp(10)) + math.log(2)) / 2)


@pytest.mark.parametrize(("examples", "wanted", "steps"), [(40, 40, 10), (40, 3, 3), (1, 40, 1)])
def test_a_short_labels_file_is_gone_through_four_times_at_most(
    examples: int, wanted: int, steps: int
) -> None:
    texts = tuple(f"text {n}" for n in range(examples - 1))
    first = Label(name="a", description="d", hypotheses=("h",), examples=texts[:-1])
    second = Label(name="b", description="e", hypotheses=("i",))
    schema = LabelSchema(catch_all="a", labels=(first, second))
    assert len(schema.sentences) == max(4, examples + 2)
    settings = ClassificationSettings(embedding=EmbeddingSettings(tune_steps=wanted))
    assert embedding.course_of(settings, schema).steps == steps


def teacher(checkpoint: Path, cache: Path, *, tune_steps: Any) -> EmbeddingTeacher:
    settings = ClassificationSettings(
        embedding=EmbeddingSettings(checkpoint=str(checkpoint), tune_steps=tune_steps, int8=False)
    )
    folder = prepare_embedding(settings, SCHEMA, cache=cache)
    return EmbeddingTeacher(settings, SCHEMA, folder, threads=1)


def test_tuning_makes_the_schemas_own_sentences_surer(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_PASSES", 100)
    texts = ["my parcel not arrived", "charged twice"]
    frozen = teacher(tiny_checkpoint, tmp_path, tune_steps=0).score(texts)
    tuned = teacher(tiny_checkpoint, tmp_path, tune_steps=40).score(texts)
    assert tuned.shape == (2, 2)
    assert tuned.argmax(axis=1).tolist() == [0, 1]
    assert tuned[0, 0] > frozen[0, 0]
    assert tuned[1, 1] > frozen[1, 1]


def test_tuned_encoder_is_made_once_for_the_same_sentences(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    def tuned(lessons: Any) -> Any:
        return tune_once(tiny_checkpoint, Course(lessons, 1, 1), cache=tmp_path)

    first = tuned([A, X])
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert tuned([A, X]) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    assert tuned([B, X]) != first


def test_the_matrices_of_the_layers_change_and_nothing_else(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    folder = tune_once(tiny_checkpoint, Course([A, B, X], 3, 1), cache=tmp_path)
    before = load_file(tiny_checkpoint / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    changed = {name for name in before if np.abs(before[name] - after[name]).max() > 0}
    products = ("attention.self.query", "attention.self.key", "attention.self.value",
                "attention.output.dense", "intermediate.dense", "output.dense")  # fmt: skip
    assert changed == {f"encoder.layer.{n}.{name}.weight" for n in (0, 1) for name in products}


def test_the_adapter_holds_what_training_changed(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.numpy import load_file

    added = torch.zeros(32, 32)
    added[3, 4], added[5, 6] = 0.5, -0.25

    def train(model: Any, *_: Any) -> None:
        with torch.no_grad():
            model.encoder.layer[1].attention.self.key.weight += added

    monkeypatch.setattr(tuning, "_train", train)
    folder = tune_once(tiny_checkpoint, Course([A, X], 1, 1), cache=tmp_path)
    before = load_file(tiny_checkpoint / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.attention.self.key.weight"
    np.testing.assert_allclose(after[name] - before[name], added.numpy(), atol=1e-3)


@pytest.fixture()
def shipped_for(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Course]:
    """A folder that ships the adapter of a course on the tiny checkpoint."""
    weights, course = tmp_path / "weights", Course([A, B, X], 2, 1)
    train_adapter(tiny_checkpoint, course, weights)
    made = {
        "course_sha256": course.sha256,
        "base_sha256": sha256_of(tiny_checkpoint / "model.safetensors"),
        "adapter_sha256": sha256_of(weights / "adapter_model.safetensors"),
    }
    (weights / "made.json").write_text(json.dumps(made))
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    return weights, course


def test_a_shipped_adapter_spares_the_training_and_is_the_one_that_it_makes(
    shipped_for: tuple[Path, Course], tiny_checkpoint: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from safetensors.numpy import load_file

    weights, course = shipped_for
    taken = load_file(tune_once(tiny_checkpoint, course, cache=tmp_path) / "model.safetensors")
    (weights / "made.json").unlink()
    trained = load_file(
        tune_once(tiny_checkpoint, course, cache=tmp_path / "2") / "model.safetensors"
    )
    for name, values in taken.items():
        np.testing.assert_allclose(values, trained[name], atol=1e-5)


@pytest.mark.parametrize("other", [{"lessons": [A, X]}, {"steps": 3}, {"seed": 2}])
def test_another_course_is_not_the_shipped_one(
    shipped_for: tuple[Path, Course], tiny_checkpoint: Path, other: Any
) -> None:
    weights, course = shipped_for
    assert shipped.shipped_adapter(tiny_checkpoint, course.sha256) == weights
    changed = course._replace(**other)
    assert shipped.shipped_adapter(tiny_checkpoint, changed.sha256) is None


def test_another_base_or_recipe_is_not_the_shipped_one(
    shipped_for: tuple[Path, Course], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, course = shipped_for
    (tmp_path / "model.safetensors").write_bytes(b"other")
    assert shipped.shipped_adapter(tmp_path, course.sha256) is None
    before = course.sha256
    monkeypatch.setattr(tuning, "_RANK", 17)
    assert course.sha256 != before


def test_a_damaged_adapter_is_refused(
    shipped_for: tuple[Path, Course], tiny_checkpoint: Path
) -> None:
    weights, course = shipped_for
    (weights / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(DataError, match="restore it from git"):
        shipped.shipped_adapter(tiny_checkpoint, course.sha256)
