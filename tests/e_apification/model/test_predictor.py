from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError
from e_apification.model.predictor import OnnxPredictor, load_predictor

MODEL_ID = "0123456789ab"
MakeModels = Callable[..., Path]


@pytest.fixture(scope="module")
def predictor(models_dir: Path) -> OnnxPredictor:
    return load_predictor(models_dir, MODEL_ID, threads=1)


# Temperature 2, so one word of weight 3 gives softmax(1.5, 0, 0); two give softmax(3, 0, 0).
@pytest.mark.parametrize(
    ("text", "label", "confidence"),
    [
        ("refund", "billing", 0.691438),
        ("my PARCEL, please", "delivery", 0.691438),
        ("refund &amp; refund", "billing", 0.909443),
        ("refund parcel", None, 0.449816),
        ("nothing known here", None, 0.333333),
        ("hello", "other", 0.691438),
        ("refund https://refund.example/parcel", "billing", 0.691438),
    ],
)
def test_label_and_confidence_follow_from_the_words(
    predictor: OnnxPredictor, text: str, label: str | None, confidence: float
) -> None:
    prediction = predictor.predict([text])[0]
    assert prediction.label == label
    assert prediction.confidence == pytest.approx(confidence, abs=1e-6)
    assert sum(prediction.scores) == pytest.approx(1, abs=1e-6)


def test_scores_come_in_schema_order(predictor: OnnxPredictor) -> None:
    scores = predictor.predict(["parcel"])[0].scores
    assert scores == pytest.approx((0.154281, 0.691438, 0.154281), abs=1e-6)


def test_a_text_of_which_nothing_is_left_is_abstained_on_even_without_a_threshold(
    make_models: MakeModels,
) -> None:
    fearless = load_predictor(make_models(abstain_threshold=0.0), MODEL_ID, threads=1)
    link, words = fearless.predict(["https://t.co/abc", "nothing known"])
    assert link.label is None
    assert words.label == "billing"


def test_no_label_is_given_below_the_threshold(make_models: MakeModels) -> None:
    strict = load_predictor(make_models(abstain_threshold=0.7), MODEL_ID, threads=1)
    assert [p.label for p in strict.predict(["refund", "refund refund"])] == [None, "billing"]


def test_truncated_says_that_the_end_was_not_read(predictor: OnnxPredictor) -> None:
    whole, cut = predictor.predict(["a b c d e refund", "a b c d e f refund"])
    assert (whole.label, whole.truncated) == ("billing", False)
    assert (cut.label, cut.truncated) == (None, True)


def test_neighbours_change_nothing(predictor: OnnxPredictor) -> None:
    texts = ["refund", "a b c d e f g", "", "parcel parcel hello"]
    assert predictor.predict(texts) == [predictor.predict([text])[0] for text in texts]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"text_rules_sha256": "f" * 64}, "text rules ffffffffffff.*make train_model"),
        ({"labels_sha256": "f" * 64}, "labels ffffffffffff.*make train_model"),
        ({"temperature": 0}, "temperature: Input should be greater than 0"),
        ({"max_length": None}, "max_length: Field required"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    make_models: MakeModels, facts: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_predictor(make_models(**facts), MODEL_ID, threads=1)


def test_a_graph_with_other_labels_is_refused(make_models: MakeModels) -> None:
    two = "\n".join(
        [
            "catch_all: no",
            "labels:",
            "  - {name: 'yes', description: y, hypotheses: [y]}",
            "  - {name: 'no', description: n, hypotheses: [n]}",
        ]
    ).replace("catch_all: no", "catch_all: 'no'")
    with pytest.raises(DataError, match=r"gives 3 scores .* names 2 labels"):
        load_predictor(make_models(labels=two), MODEL_ID, threads=1)


@pytest.mark.parametrize("name", ["model.int8.onnx", "tokenizer.json", "labels.yaml"])
def test_a_changed_file_is_refused(make_models: MakeModels, name: str) -> None:
    models = make_models()
    path = models / MODEL_ID / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{name} differs from its manifest"):
        load_predictor(models, MODEL_ID, threads=1)


def test_float32_serves_where_metrics_say_so(make_models: MakeModels) -> None:
    models = make_models(served="model.onnx")
    folder = models / MODEL_ID
    (folder / "model.int8.onnx").write_bytes(b"no model")
    prediction = load_predictor(models, MODEL_ID, threads=1).predict(["refund"])[0]
    assert prediction.label == "billing"
    (folder / "model.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"model\.onnx differs from its manifest"):
        load_predictor(models, MODEL_ID, threads=1)


MAIL = "refund\n> parcel parcel parcel\n"


def test_a_model_reads_mails_as_those_that_trained_it(make_models: MakeModels) -> None:
    whole, cut = (
        load_predictor(make_models(cut_mail=cut_mail), MODEL_ID, threads=1)
        for cut_mail in (None, True)
    )
    assert whole.predict([MAIL])[0].label == "delivery"
    assert cut.predict([MAIL])[0].label == "billing"


def test_truncated_is_about_what_is_left_of_html(predictor: OnnxPredictor) -> None:
    long_style = f"<style>{'p {{margin: 0}} ' * 50}</style><p>refund</p>"
    assert predictor.predict([long_style])[0][::3] == ("billing", False)
    assert predictor.predict([long_style + "<p>no</p>" * 50])[0].truncated
