from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import DataError
from common.onnx.export import export_classifier, export_encoder, save_tokenizer
from common.onnx.model import OnnxModel, session_options, softmax

TEXTS = ["my parcel is late", "thanks", "the app crashes , please help", "i was charged twice"]


@pytest.fixture(scope="module")
def exported(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("onnx")
    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    encoder = AutoModel.from_pretrained(tiny_checkpoint)
    export_encoder(encoder, tokenizer, folder / "encoder.onnx", metadata={"commit": "abc"})
    classifier = AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=3)
    classifier.save_pretrained(folder / "classifier")
    export_classifier(classifier, tokenizer, folder / "classifier.onnx", metadata={})
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    return folder


def load(folder: Path, name: str, max_length: int = 32) -> OnnxModel:
    return OnnxModel(folder / name, folder / "tokenizer.json", max_length=max_length, threads=1)


def test_batched_and_single_runs_agree_in_input_order(exported: Path) -> None:
    model = load(exported, "encoder.onnx")
    alone = model.run(TEXTS).values
    together = model.run(TEXTS, batch_tokens=64).values
    np.testing.assert_allclose(alone, together, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(model.run(TEXTS[::-1]).values, alone[::-1])


def test_logits_equal_those_of_torch(exported: Path, tiny_checkpoint: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch_model = AutoModelForSequenceClassification.from_pretrained(exported / "classifier").eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    with torch.no_grad():
        fed = tokenizer(TEXTS, padding=True, return_tensors="pt")
        expected = torch_model(**fed).logits.numpy()
    seen = load(exported, "classifier.onnx").run(TEXTS, batch_tokens=1000).values
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_pairs_are_those_of_the_tokenizer_itself(exported: Path, tiny_checkpoint: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    pairs = [(a, b) for a in (*TEXTS, "my parcel " + "was late " * 30) for b in TEXTS[:2]]
    torch_model = AutoModelForSequenceClassification.from_pretrained(exported / "classifier").eval()
    fed = AutoTokenizer.from_pretrained(tiny_checkpoint)(
        [a for a, _ in pairs], [b for _, b in pairs], padding=True, return_tensors="pt",
        truncation="only_first", max_length=16,
    )  # fmt: skip
    with torch.no_grad():
        expected = torch_model(**fed).logits.numpy()
    seen = load(exported, "classifier.onnx", max_length=16).run(pairs, batch_tokens=100)
    np.testing.assert_allclose(seen.values, expected, atol=1e-5)
    assert seen.truncated.tolist() == [False] * 8 + [True] * 2


def test_texts_of_different_groups_never_share_a_run(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, runs = load(exported, "classifier.onnx"), []
    run_batch = model._run_batch  # noqa: SLF001 what is run together shows nowhere else

    def counted(batch: Any) -> Any:
        runs.append(len(batch))
        return run_batch(batch)

    monkeypatch.setattr(model, "_run_batch", counted)
    texts = [*TEXTS, "thanks"]
    grouped = model.run(texts, batch_tokens=1000, groups=[7, 2, 7, 7, 2]).values
    assert runs == [2, 3]
    np.testing.assert_allclose(grouped, model.run(texts).values, atol=1e-6)


def test_only_the_first_text_of_a_pair_is_cut(exported: Path) -> None:
    model = load(exported, "classifier.onnx", max_length=8)
    short = model.run([("my parcel", "the app is broken")]).values
    long = model.run([("my parcel " + "was late " * 30, "the app is broken")])
    assert long.truncated.tolist() == [True]
    assert model.run(["my parcel"]).truncated.tolist() == [False]
    np.testing.assert_allclose(short, model.run([("my parcel is", "the app is broken")]).values)


def test_no_texts_give_no_rows(exported: Path) -> None:
    assert load(exported, "classifier.onnx").run([]).values.shape == (0, 3)


def test_metadata_travels_with_the_file(exported: Path) -> None:
    assert load(exported, "encoder.onnx").metadata["commit"] == "abc"


def test_missing_file_is_named(exported: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.onnx is missing"):
        load(exported, "nowhere.onnx")


def test_softmax_of_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000, 1000]], np.float32)), [[0.5, 0.5]])


def test_waiting_threads_of_a_session_sleep() -> None:
    entry = session_options(2).get_session_config_entry("session.intra_op.allow_spinning")
    assert (entry, session_options(2).intra_op_num_threads) == ("0", 2)
