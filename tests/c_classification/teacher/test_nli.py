"""The NLI teacher against transformers' own zero-shot pipeline, with a tiny random checkpoint."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from c_classification.teacher.nli import NliTeacher, fill_template, prepare_nli
from common.config.classification import ClassificationSettings, NliSettings
from common.errors import DataError, SettingsError
from common.labels import Label, LabelSchema
from common.onnx.model import softmax
from common.onnx.text_model import Outputs

TEXTS = [
    "my parcel not arrived", "charged twice", "@user thanks !", "the app crashes . help please",
    "my " * 100 + "parcel",
]  # fmt: skip
TEMPLATE = "it is {} ."
SCHEMA = LabelSchema(
    catch_all="rest",
    labels=(
        Label(name="parcel", description="d", hypotheses=("parcel",)),
        Label(name="bill", description="d", hypotheses=("the wrong bill to you",)),
        Label(name="rest", description="d", hypotheses=("thanks",)),
    ),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def nli_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes in an order of its own, and weights large enough to tell texts apart."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("nli")
    shutil.copytree(tiny_checkpoint, folder, dirs_exist_ok=True)
    names = ["Contradiction", "Entailment", "Neutral"]
    config = BertConfig.from_pretrained(
        tiny_checkpoint, initializer_range=0.4, num_labels=3,
        id2label=dict(enumerate(names)), label2id={n: k for k, n in enumerate(names)},
    )  # fmt: skip
    torch.manual_seed(3)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def teacher(
    checkpoint: Path, cache: Path, schema: LabelSchema = SCHEMA, *, max_length: int = 64, **nli: Any
) -> NliTeacher:
    settings = ClassificationSettings(
        teacher="nli",
        max_length=max_length,
        nli=NliSettings(
            checkpoint=str(checkpoint), **({"template": TEMPLATE, "int8": False} | nli)
        ),
    )
    return NliTeacher(settings, schema, prepare_nli(settings, schema, cache=cache), threads=1)


def pipeline_scores(checkpoint: Path, *, multi_label: Any) -> np.ndarray:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers import ZeroShotClassificationPipeline as Pipeline

    zero_shot = Pipeline(
        model=AutoModelForSequenceClassification.from_pretrained(checkpoint),
        tokenizer=AutoTokenizer.from_pretrained(checkpoint, model_max_length=64),
    )
    labels = [label.hypotheses[0] for label in SCHEMA.labels]
    rows = []
    for text in TEXTS:
        result = zero_shot(text, labels, hypothesis_template=TEMPLATE, multi_label=multi_label)
        scores = dict(zip(result["labels"], result["scores"], strict=True))
        rows.append([scores[label] for label in labels])
    return np.array(rows)


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_are_those_of_the_zero_shot_pipeline(
    nli_checkpoint: Path, cache: Path, multi_label: bool
) -> None:
    ours = teacher(nli_checkpoint, cache, multi_label=multi_label).score(TEXTS)
    theirs = pipeline_scores(nli_checkpoint, multi_label=multi_label)
    assert theirs.std(axis=0).min() > 0.01  # the checkpoint does tell these texts apart
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_text_scores_the_same_alone_and_among_others_in_int8(
    nli_checkpoint: Path, cache: Path
) -> None:
    int8 = teacher(nli_checkpoint, cache, int8=True)
    alone = np.concatenate([int8.score([text]) for text in TEXTS])
    np.testing.assert_allclose(int8.score(TEXTS), alone, atol=1e-6)
    assert int8.score([]).shape == (0, 3)
    among = np.array([[True, True, False]] * 3 + [[False, True, True]] * 2)
    alone = np.concatenate([int8.score([t], m[None]) for t, m in zip(TEXTS, among, strict=True)])
    np.testing.assert_allclose(int8.score(TEXTS, among), alone, atol=1e-6)


def test_float32_settles_what_is_close_in_int8(
    nli_checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = teacher(nli_checkpoint, cache).score(TEXTS)
    for close, equal in ((0, False), (1e9, True)):
        monkeypatch.setattr("c_classification.teacher.nli._CLOSE_PACKED", close)
        scores = teacher(nli_checkpoint, cache, int8=True).score(TEXTS)
        two = np.sort(np.argsort(scores, axis=1)[:, 1:], axis=1)  # (N, 2) the best ones
        ratios = [np.divide(*np.take_along_axis(s, two, axis=1).T) for s in (scores, exact)]
        assert np.allclose(ratios[0], ratios[1], rtol=1e-4) == equal
        assert np.allclose(scores, exact, rtol=1e-4) == equal


class FixedModel:
    """Gives each hypothesis a logit of entailment (the second of three classes)."""

    def __init__(self, **logits: float) -> None:
        self._logits = {f"it is {words} .": logit for words, logit in logits.items()}

    def run(self, pairs: Any, **_: Any) -> Outputs:
        values = np.array([[0, self._logits[hypothesis], 0] for _, hypothesis in pairs], np.float32)
        return Outputs(values, np.zeros(len(pairs), np.bool_), np.ones(len(pairs), np.int64))


@pytest.mark.parametrize(
    ("third", "logits"),
    [
        (0.48, [0.375, 0.25, 0.625]),  # a third label that is as close as the second
        (0.42, [0.375, 0.25, 0.625]),
        (0.38, [0.375, 0.25, 0.38]),  # 0.12 behind, and 0.1 is close
    ],
)
def test_every_label_close_to_the_best_is_settled(
    nli_checkpoint: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    third: float,
    logits: list[float],
) -> None:
    schema = SCHEMA.model_copy(
        update={
            "labels": tuple(
                label.model_copy(update={"hypotheses": (label.name,)}) for label in SCHEMA.labels
            )
        }
    )
    nli = teacher(nli_checkpoint, cache, schema, int8=True)
    monkeypatch.setattr(nli, "_model", FixedModel(parcel=0.50, bill=0.49, rest=third))
    monkeypatch.setattr(nli, "_exact", FixedModel(parcel=0.375, bill=0.25, rest=0.625))
    expected = softmax(np.array([logits] * 2, np.float32))
    np.testing.assert_allclose(nli.score(TEXTS[:2]), expected, atol=1e-6)


def test_several_hypotheses_of_a_label_are_averaged(nli_checkpoint: Path, cache: Path) -> None:
    def with_parcel(*hypotheses: str) -> LabelSchema:
        first = SCHEMA.labels[0].model_copy(update={"hypotheses": hypotheses})
        return SCHEMA.model_copy(update={"labels": (first, *SCHEMA.labels[1:])})

    def scores(*hypotheses: str) -> np.ndarray:
        schema = with_parcel(*hypotheses)
        return teacher(nli_checkpoint, cache, schema, multi_label=True).score(TEXTS)

    one, other, both = scores("parcel"), scores("late order"), scores("parcel", "late order")
    np.testing.assert_allclose(both[:, 0], (one[:, 0] + other[:, 0]) / 2, atol=1e-6)
    np.testing.assert_array_equal(both[:, 1:], one[:, 1:])


@pytest.mark.parametrize(
    ("names", "multi_label", "said"),
    [
        (["LABEL_0", "LABEL_1", "LABEL_2"], False, "no class 'entailment' in label2id, only: lab"),
        (["entailment", "neutral", "no"], True, "no class 'contradiction' or 'not_entailment'"),
    ],
)
def test_classes_without_nli_names_are_refused(
    nli_checkpoint: Path,
    cache: Path,
    tmp_path: Path,
    names: list[str],
    multi_label: bool,
    said: str,
) -> None:
    shutil.copytree(nli_checkpoint, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["label2id"] = {name: k for k, name in enumerate(names)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=said):
        teacher(tmp_path, cache, multi_label=multi_label)


def test_hypothesis_that_leaves_no_room_for_the_message_is_refused(
    nli_checkpoint: Path, cache: Path
) -> None:
    # [CLS] [SEP] it is the wrong bill to you . [SEP]: eleven tokens, so twelve are the fewest
    with pytest.raises(SettingsError, match="label 'bill' takes 11 tokens and leaves none"):
        teacher(nli_checkpoint, cache, max_length=11)
    assert teacher(nli_checkpoint, cache, max_length=12).score(TEXTS).shape == (5, 3)


@pytest.mark.parametrize("template", ["about", "{} or {}", "about {{}}.", "a {} b {x}"])
def test_template_without_exactly_one_gap_is_refused(template: str) -> None:
    with pytest.raises(ValidationError, match="exactly once"):
        NliSettings(template=template)


def test_template_wraps_each_hypothesis() -> None:
    assert fill_template(SCHEMA, NliSettings(template="So: {}!")) == [
        ["So: parcel!"],
        ["So: the wrong bill to you!"],
        ["So: thanks!"],
    ]


def test_of_several_hypotheses_only_so_many_are_used() -> None:
    two = SCHEMA.labels[0].model_copy(update={"hypotheses": ("one", "two", "three")})
    schema = SCHEMA.model_copy(update={"labels": (two, *SCHEMA.labels[1:])})
    assert fill_template(schema, NliSettings(hypotheses=2))[0] == ["one", "two"]
    assert fill_template(schema, NliSettings())[0] == ["one", "two", "three"]


def test_only_the_labels_of_the_shortlist_are_scored(nli_checkpoint: Path, cache: Path) -> None:
    nli = teacher(nli_checkpoint, cache)
    among = np.array([[True, True, False], [False, True, True]])
    everything, some = nli.score(TEXTS[:2]), nli.score(TEXTS[:2], among)
    np.testing.assert_array_equal(some == 0, ~among)
    np.testing.assert_allclose(some.sum(axis=1), 1, atol=1e-6)
    # A softmax over fewer keeps the ratios of those that stay.
    assert some[0, 0] / some[0, 1] == pytest.approx(everything[0, 0] / everything[0, 1], rel=1e-4)
    assert some[1, 1] / some[1, 2] == pytest.approx(everything[1, 1] / everything[1, 2], rel=1e-4)
