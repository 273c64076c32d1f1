import json
from pathlib import Path

import pytest

from a_ingestion.cached import is_cached, keep

ORIGIN = {"hub": "a/b"}
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "draft").write_bytes(b"abc")
    keep(tmp_path / "draft", tmp_path / "file", origin=ORIGIN, etag='"1"')
    return tmp_path / "file"


def test_kept_file_is_known(kept: Path) -> None:
    assert kept.read_bytes() == b"abc"
    assert is_cached(kept, origin=ORIGIN)
    assert not kept.with_name("draft").exists()
    assert json.loads(kept.with_name("file.json").read_text()) == {
        "origin": {"hub": "a/b"},
        "bytes": 3,
        "sha256": ABC_SHA256,
        "etag": '"1"',
    }


def test_another_origin_is_not_it(kept: Path) -> None:
    assert not is_cached(kept, origin={"hub": "a/c"})


@pytest.mark.parametrize("content", [b"abd", b"abcd", b""])
def test_changed_file_is_not_it(kept: Path, content: bytes) -> None:
    kept.write_bytes(content)
    assert not is_cached(kept, origin=ORIGIN)


@pytest.mark.parametrize("manifest", ["", "{}", '{"bytes": 3}', "\x00"])
def test_damaged_manifest_is_none(kept: Path, manifest: str) -> None:
    kept.with_name("file.json").write_text(manifest)
    assert not is_cached(kept, origin=ORIGIN)


def test_file_or_manifest_missing(kept: Path) -> None:
    kept.rename(kept.with_name("elsewhere"))
    assert not is_cached(kept, origin=ORIGIN)
    kept.with_name("file.json").unlink()
    assert not is_cached(kept, origin=ORIGIN)
