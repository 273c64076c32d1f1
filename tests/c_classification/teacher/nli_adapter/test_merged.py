import json
from pathlib import Path

import numpy as np
import pytest

from c_classification.teacher.nli import NliTeacher, nli_files, prepare_nli
from c_classification.teacher.nli_adapter import merged
from c_classification.teacher.nli_adapter.merged import CLASSES, embedded_files, merged_checkpoint
from common.config.classification import ClassificationSettings, NliSettings
from common.errors import DataError
from common.labels import Label, LabelSchema

SCHEMA = LabelSchema(
    catch_all="music",
    labels=(
        Label(name="parcel", description="-", hypotheses=("This is about parcel delivery.",)),
        Label(name="money", description="-", hypotheses=("This is about a refund.",)),
        Label(name="music", description="-", hypotheses=("This is about playing music.",)),
    ),
)


def test_the_merged_checkpoint_is_whole_and_names_its_classes(tmp_path: Path) -> None:
    folder = merged_checkpoint(cache=tmp_path)
    config = json.loads((folder / "config.json").read_text())
    assert config["label2id"] == {name: k for k, name in enumerate(CLASSES)}
    assert (folder / "model.safetensors").is_file()
    assert not list(folder.glob("adapter*"))
    assert merged_checkpoint(cache=tmp_path) == folder


def test_the_embedded_teacher_knows_what_a_message_is_about(tmp_path: Path) -> None:
    settings = ClassificationSettings(teacher="nli", nli=NliSettings(checkpoint="embedded"))
    folder = prepare_nli(settings, SCHEMA, cache=tmp_path)
    texts = [
        "When will my package be delivered?",
        "You charged me twice and I want the money back",
        "put on some jazz please",
    ]
    scores = NliTeacher(settings, SCHEMA, folder, threads=1).score(texts)
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_the_adapters_files_decide_what_the_teacher_is() -> None:
    names = {path.name for path in nli_files(NliSettings(checkpoint="embedded"))}
    assert {"adapter_model.safetensors", "adapter_config.json", "model.safetensors"} <= names


def test_an_adapter_that_is_not_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged, "WEIGHTS", tmp_path)
    with pytest.raises(DataError, match=r"adapter_model\.safetensors is missing"):
        embedded_files()
    (tmp_path / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(DataError, match="has sha256"):
        embedded_files()
