import functools
from typing import Any

import numpy as np
import pytest

from benchmarks.workers import label_in_workers
from c_classification.teacher.teacher import Opinions, TeacherSpec
from common.config.classification import ClassificationSettings
from common.labels import Label, LabelSchema


class LengthTeacher:
    """Scores a text by its length: what comes back shows which text it was."""

    def score(self, texts: Any) -> Opinions:
        scores = np.array([[len(text), 0.0] for text in texts], np.float32)
        return Opinions(scores, scores[np.newaxis])


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_answers_come_back_in_the_order_of_the_texts(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def load(spec: Any, *, threads: Any) -> LengthTeacher:
        assert threads == 1
        return LengthTeacher()

    monkeypatch.setattr("benchmarks.workers.load_teacher", functools.cache(load))
    labels = tuple(Label(name=n, description="d", hypotheses=("h",)) for n in ("a", "b"))
    spec = TeacherSpec(ClassificationSettings(), LabelSchema(catch_all="a", labels=labels), ())
    labeled = label_in_workers(spec, ["x", "xx", "xxx", "xxxx", "xxxxx"], workers=workers)
    assert labeled.opinions.scores[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert labeled.opinions.by_member.shape == (1, 5, 2)
    assert labeled.opinions.by_member[0, :, 0].tolist() == [1, 2, 3, 4, 5]
    assert labeled.seconds > 0
