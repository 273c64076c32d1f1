"""The sources, each of which ends as one local CSV: sample, csv, kaggle, huggingface.

To add one, write its function here and its name into ``IngestionSettings.source``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from common.config.ingestion import IngestionSettings
from common.errors import SettingsError
from common.tables.input import TableInput


class Source(NamedTuple):
    """A source whose downloads, if any, are done.

    ``inputs`` and ``settings`` decide whether what is landed is still good; ``prepare`` gives the
    CSV, and may put files into the folder that it is handed (a gold.csv there is kept).
    """

    inputs: tuple[Path, ...]
    settings: dict[str, Any]
    prepare: Callable[[Path], TableInput]


def choose_source(ingestion: IngestionSettings, *, cache: Path) -> Source:
    """The source that the settings name; downloads go below ``cache`` and are kept there.

    Raises:
        TriageError: if the source cannot be had; the message says what to do.
    """
    makers = {"sample": _sample, "csv": _csv, "kaggle": _kaggle, "huggingface": _huggingface}
    return makers[ingestion.source](ingestion, cache)


def _sample(ingestion: IngestionSettings, _cache: Path) -> Source:
    def prepare(folder: Path) -> TableInput:
        from a_ingestion.sample import write_sample

        write_sample(folder, rows=ingestion.sample_rows, seed=ingestion.sample_seed)
        return TableInput(folder / "twcs.csv")

    settings = ingestion.model_dump(include={"sample_rows", "sample_seed"})
    return Source((), settings, prepare)


def _csv(ingestion: IngestionSettings, _cache: Path) -> Source:
    if ingestion.csv is None:
        raise SettingsError("source csv needs a file: CSV=path (ingestion.csv=path)")
    return _local(TableInput.of(ingestion.csv, ingestion))


def _kaggle(ingestion: IngestionSettings, cache: Path) -> Source:
    from a_ingestion.kaggle import fetch_member

    return _local(fetch_member(ingestion.kaggle, folder=cache / "kaggle"))


def _huggingface(ingestion: IngestionSettings, cache: Path) -> Source:
    from a_ingestion.huggingface import fetch_texts

    texts = fetch_texts(
        ingestion.huggingface, text_column=ingestion.text_column, folder=cache / "huggingface"
    )
    return _local(TableInput(texts))


def _local(table: TableInput) -> Source:
    """A file that is already there; its digest and how to read it decide what is landed."""
    table.require("CSV= (ingestion.csv) must name a table")
    return Source((table.path,), table.named, lambda _folder: table)
