from pathlib import Path
from typing import Any

import pytest

from a_ingestion.sources import choose_source
from common.config.ingestion import IngestionSettings, KaggleSettings
from common.errors import DataError, SettingsError
from tests.a_ingestion.kaggle_server import KaggleServer


def choose(cache: Path, **settings: Any) -> Any:
    return choose_source(IngestionSettings(**settings), cache=cache)


def test_sample_depends_on_size_and_seed_only(tmp_path: Path) -> None:
    source = choose(tmp_path, sample_rows=200, sample_seed=3)
    assert (source.inputs, source.settings) == ((), {"sample_rows": 200, "sample_seed": 3})
    csv = source.prepare(tmp_path / "made")
    assert csv.path == tmp_path / "made/twcs.csv"
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["gold.csv", "twcs.csv"]


def test_csv_is_its_own_input(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nhi\n")
    source = choose(tmp_path / "cache", source="csv", csv=tmp_path / "a.csv")
    assert source.inputs == (tmp_path / "a.csv",)
    assert source.prepare(tmp_path).path == tmp_path / "a.csv"
    assert not (tmp_path / "cache").exists()


def test_csv_must_be_named_and_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="source csv needs a file"):
        choose(tmp_path, source="csv")
    with pytest.raises(DataError, match="does not exist"):
        choose(tmp_path, source="csv", csv=tmp_path / "a.csv")


def test_kaggle_archive_is_the_input(
    kaggle: KaggleServer, quick: KaggleSettings, tmp_path: Path
) -> None:
    source = choose(tmp_path, source="kaggle", kaggle=quick)
    assert source.inputs == (tmp_path / "kaggle/owner__support-messages/archive.zip",)
    assert source.settings == {
        "member": "twcs/twcs.csv", "encoding": None, "delimiter": None, "sheet": None,
    }  # fmt: skip


def test_huggingface_file_is_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    loaded = datasets.Dataset.from_dict({"text": ["hi"]})
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **kwargs: loaded)
    hub = {"dataset": "o/news", "revision": "a" * 40}
    source = choose(tmp_path, source="huggingface", huggingface=hub)
    assert source.inputs == (tmp_path / "huggingface/o__news-train-text-aaaaaaaaaaaa.csv",)
    assert source.prepare(tmp_path).path.read_text() == '"text"\n"hi"\n'
