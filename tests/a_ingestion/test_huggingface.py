import csv
from pathlib import Path
from typing import Any

import pytest

from a_ingestion.huggingface import fetch_texts
from common.config.ingestion import HuggingFaceSettings
from common.errors import DataError, SettingsError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SETTINGS = HuggingFaceSettings(dataset="owner/news", revision=COMMIT, split="test")
TEXTS = ["plain", 'a "quote", a comma', "two\nlines", "odd\rline end", "", None, "ünïcödé 😀"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Stands in for the hub: the calls made, and what to answer."""
    import datasets

    calls: list[tuple[Any, ...]] = []
    answer: dict[str, Any] = {"text": TEXTS, "label": list(range(7))}

    def load_dataset(name: str, *, revision: str, split: str) -> datasets.Dataset:
        calls.append((name, revision, split))
        if "raise" in answer:
            raise answer["raise"]
        return datasets.Dataset.from_dict(answer)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls, answer


def fetch(folder: Path, text_column: str = "text", settings: HuggingFaceSettings = SETTINGS) -> Any:
    return fetch_texts(settings, text_column=text_column, folder=folder)


def test_texts_become_a_csv(hub: tuple[Any, Any], tmp_path: Path) -> None:
    path = fetch(tmp_path / "hub")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["text"], *[[text or ""] for text in TEXTS]]
    assert hub[0] == [("owner/news", COMMIT, "test")]


def test_hub_is_asked_once(hub: tuple[Any, Any], tmp_path: Path) -> None:
    first = fetch(tmp_path)
    assert fetch(tmp_path) == first
    assert len(hub[0]) == 1
    first.write_text("text\nchanged\n")
    assert fetch(tmp_path).read_bytes() != b"text\nchanged\n"
    assert len(hub[0]) == 2


def test_other_split_or_column_is_another_file(hub: tuple[Any, Any], tmp_path: Path) -> None:
    hub[1]["body"] = TEXTS
    files = {
        fetch(tmp_path),
        fetch(tmp_path, settings=SETTINGS.model_copy(update={"split": "train"})),
        fetch(tmp_path, text_column="body"),
    }
    assert len(files) == 3


@pytest.mark.parametrize("revision", ["", "main", "v1.0", COMMIT[:12], COMMIT.upper()])
def test_revision_must_be_a_commit(hub: tuple[Any, Any], tmp_path: Path, revision: Any) -> None:
    settings = SETTINGS.model_copy(update={"revision": revision})
    with pytest.raises(SettingsError, match="must be the data set's commit, 40 hex digits"):
        fetch(tmp_path, settings=settings)
    assert hub[0] == []


@pytest.mark.parametrize("column", ["content", "label"])
def test_column_must_hold_texts(hub: tuple[Any, Any], tmp_path: Path, column: str) -> None:
    with pytest.raises(DataError) as error:
        fetch(tmp_path, text_column=column)
    assert f"has no column '{column}' of texts; it has 'text', 'label'." in str(error.value)
    assert "TEXT_COLUMN=" in str(error.value)


def test_what_the_hub_says_no_to(hub: tuple[Any, Any], tmp_path: Path) -> None:
    from datasets.exceptions import DatasetNotFoundError

    for raised, message in [
        (DatasetNotFoundError("x"), f"the hub has no data set owner/news at {COMMIT}"),
        (ConnectionError("x"), "ConnectionError; check the network"),
        (ValueError("Unknown split"), "split 'test': Unknown split"),
    ]:
        hub[1]["raise"] = raised
        with pytest.raises(DataError, match=message):
            fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []
