import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c_classification.teacher.embedding import EmbeddingTeacher, prepare_embedding
from c_classification.teacher.exported import MODEL, TOKENIZER, export_once
from c_classification.teacher.tuning import Course, Lesson, balanced_batches, tune_once
from common.config.classification import ClassificationSettings, EmbeddingSettings
from common.labels import Label, LabelSchema
from common.onnx.model import OnnxModel

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
    batches = list(itertools.islice(balanced_batches([A, B, C, X], size=6, seed=5), 4))
    assert [[lesson.label for lesson in batch] for batch in batches] == [[0, 0, 0, 1, 1, 1]] * 4
    for batch in batches:
        assert sorted(batch[:3]) == [A, B, C]
        assert batch[3:] == [X, X, X]


def test_batches_follow_the_seed() -> None:
    def first(seed: int) -> Any:
        return next(balanced_batches([A, B, C, *[Lesson(str(n), 1) for n in range(9)]], size=6,
                                     seed=seed))  # fmt: skip

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_even_more_labels_than_a_batch_holds_all_take_part() -> None:
    lessons = [Lesson(str(n), n) for n in range(10)]
    assert next(balanced_batches(lessons, size=4, seed=0)) == lessons


def teacher(checkpoint: Path, cache: Path, *, tune_steps: Any) -> EmbeddingTeacher:
    settings = ClassificationSettings(
        embedding=EmbeddingSettings(checkpoint=str(checkpoint), tune_steps=tune_steps, int8=False)
    )
    folder = prepare_embedding(settings, SCHEMA, cache=cache)
    return EmbeddingTeacher(settings, SCHEMA, folder, threads=1)


def test_tuning_makes_the_schemas_own_sentences_surer(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
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
        return tune_once(tiny_checkpoint, Course(lessons, 1, 1), seed=1, cache=tmp_path)

    first = tuned([A, X])
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert tuned([A, X]) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    assert tuned([B, X]) != first


def test_word_embeddings_stay_as_they_are(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    course = Course([A, X], 2, 2, synthetic=[B], rehearsal_steps=2)
    folder = tune_once(tiny_checkpoint, course, seed=1, cache=tmp_path)
    before = load_file(tiny_checkpoint / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    words = "embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(before[words], after[words])
    query = "encoder.layer.1.attention.self.query.weight"
    assert np.abs(before[query] - after[query]).max() > 0


@pytest.mark.parametrize("classes", [2, 3])
def test_training_starts_from_a_head_that_fits(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    import torch

    steps = []

    loss = torch.nn.functional.cross_entropy

    def kept(logits: torch.Tensor, labels: torch.Tensor, **options: Any) -> torch.Tensor:
        steps.append((logits.detach().numpy(), labels.numpy()))
        return loss(logits, labels, **options)

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", kept)
    lessons = [Lesson(text, k) for k, text in enumerate(["parcel", "bill", "thanks"][:classes])]
    tune_once(tiny_checkpoint, Course(lessons, 1, 1), seed=1, cache=tmp_path)
    [(logits, labels)] = steps
    share = 25 // classes
    assert labels.tolist() == [k for k in range(classes) for _ in range(share)]
    assert logits.shape == (classes * share, classes)
    by_label = logits.reshape(classes, share, classes).mean(axis=1)
    assert by_label.argmax(axis=1).tolist() == [*range(classes)]


def test_runs_are_averaged(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    def weights(seed: int, runs: Any) -> Any:
        course = Course([A, B, X], steps=3, runs=runs)
        folder = tune_once(tiny_checkpoint, course, seed=seed, cache=tmp_path)
        return load_file(folder / "model.safetensors")["encoder.layer.1.output.dense.weight"]

    expected = (weights(1, 1) + weights(2, 1)) / 2
    assert np.abs(weights(1, 1) - weights(2, 1)).max() > 1e-4
    np.testing.assert_allclose(weights(1, 2), expected, atol=1e-7)


def test_a_rehearsal_teaches_what_only_synthetic_messages_say(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    words = [Lesson("the app crashes", 0), Lesson("help you and i", 1)]

    def vectors(course: Any) -> Any:
        folder = tune_once(tiny_checkpoint, course, seed=1, cache=tmp_path)
        exported = export_once(folder, kind="encoder", int8=False, cache=tmp_path)
        encoder = OnnxModel(exported / MODEL, exported / TOKENIZER, max_length=16, threads=1)
        return encoder.run([lesson.text for lesson in words]).values

    def likeness(course: Any) -> float:
        first, second = vectors(course)
        return float(first @ second)

    short = Course([A, X], steps=1, runs=1)
    rehearsed = short._replace(synthetic=words, rehearsal_steps=300)
    assert likeness(rehearsed) < likeness(short) - 0.1
    assert likeness(short._replace(synthetic=words)) == pytest.approx(likeness(short))
