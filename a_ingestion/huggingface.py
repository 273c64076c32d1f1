"""The Hugging Face source: the text column of a hub data set, at a pinned commit, as a CSV.

A data set's name and commit go in, the path of a CSV with one column comes out; it is kept, so the
hub is asked once.
"""

import logging
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from a_ingestion.cached import is_cached, keep
from common.config.ingestion import HuggingFaceSettings
from common.errors import DataError, SettingsError
from common.log import progress
from common.tables.columns.places import quoted

if TYPE_CHECKING:
    from datasets import Dataset

_BATCH_ROWS = 10_000
_COMMIT = re.compile("[0-9a-f]{40}")
logger = logging.getLogger(__name__)


def fetch_texts(settings: HuggingFaceSettings, *, text_column: str, folder: Path) -> Path:
    """The CSV of one split's texts, made unless it is in ``folder`` already.

    Raises:
        SettingsError: if the revision is not a full commit id.
        DataError: if the hub does not give the data set, or it has no such column of texts.
    """
    if not _COMMIT.fullmatch(settings.revision):
        raise SettingsError(
            f"ingestion.huggingface.revision = {settings.revision!r} must be the data set's "
            "commit, 40 hex digits; branches move. It stands on the hub page under Files, History"
        )
    origin = {**settings.model_dump(), "text_column": text_column}
    name = re.sub(r"[^\w.-]+", "__", f"{settings.dataset}-{settings.split}-{text_column}")
    target = folder / f"{name}-{settings.revision[:12]}.csv"
    if is_cached(target, origin=origin):
        logger.info("%s is in %s, nothing to download", settings.dataset, target)
        return target
    dataset = _load(settings)
    _require_texts(dataset, settings, text_column)
    folder.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.part")
    _write_csv(dataset, draft, text_column=text_column)
    keep(draft, target, origin=origin)
    return target


def _load(settings: HuggingFaceSettings) -> "Dataset":
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    where = f"{settings.dataset} at {settings.revision}"
    try:
        return datasets.load_dataset(
            settings.dataset, revision=settings.revision, split=settings.split
        )
    except datasets.exceptions.DatasetNotFoundError:
        raise DataError(
            f"the hub has no data set {where}, or it is private: check the name and the commit, "
            "set HF_TOKEN if it is private"
        ) from None
    except (ConnectionError, HfHubHTTPError) as error:
        raise DataError(
            f"cannot fetch {where}: {type(error).__name__}; check the network, or run on a file "
            "of your own (CSV=path)"
        ) from None
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        # An unknown split, a damaged file, or a data set that needs code, which is never run.
        raise DataError(f"cannot load {where}, split {settings.split!r}: {error}") from None


def _require_texts(dataset: "Dataset", settings: HuggingFaceSettings, text_column: str) -> None:
    feature = dataset.features.get(text_column)
    if feature is None or getattr(feature, "dtype", None) not in ("string", "large_string"):
        columns = quoted(list(dataset.features))
        raise DataError(
            f"{settings.dataset} has no column {text_column!r} of texts; it has {columns}. "
            "Name the one that holds them: TEXT_COLUMN= (ingestion.text_column)"
        )


def _write_csv(dataset: "Dataset", path: Path, *, text_column: str) -> None:
    """Every field quoted, since an unquoted line end of any kind would split a record."""
    schema = pa.schema([(text_column, pa.string())])
    options = csv.WriteOptions(quoting_style="all_valid")
    texts = dataset.select_columns([text_column]).with_format("arrow")
    batches = texts.iter(batch_size=_BATCH_ROWS)
    total = -(-len(dataset) // _BATCH_ROWS)
    with closing(csv.CSVWriter(path, schema, write_options=options)) as writer:
        for batch in progress(batches, total=total, what="texts", unit="batch"):
            column = batch.column(text_column).cast(pa.string()).fill_null("")
            writer.write_table(pa.table([column], schema=schema))
