"""Which model serves: the pointer models/production.json, replaced by rename, and its journal.

Promotion has this one home. Every change of the pointer is first appended to
models/deployments.jsonl: when, from, to, by whom, and the figures it was judged by.
"""

import json
import os
import re
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.artifacts import (
    MANIFEST,
    Manifest,
    find_manifest,
    verify_files,
    write_atomically,
)
from common.errors import DataError

POINTER = "production.json"
JOURNAL = "deployments.jsonl"
# What serving needs of a model folder, beside its manifest.
SERVED_FILES = ("model.int8.onnx", "tokenizer.json", "labels.yaml", "metrics.json")
_ID = re.compile(r"[0-9a-f]{12}")


def production_id(models: Path) -> str | None:
    """The experiment that serves, or None where none was promoted yet.

    Raises:
        DataError: if the pointer is damaged.
    """
    path = models / POINTER
    try:
        experiment = str(json.loads(path.read_text(encoding="utf-8"))["experiment_id"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path} is damaged; promote a model again") from None
    model_folder(models, experiment)
    return experiment


def require_production_id(models: Path) -> str:
    """The experiment that serves.

    Raises:
        DataError: if none was promoted yet, or the pointer is damaged.
    """
    experiment = production_id(models)
    if experiment is None:
        raise DataError(f"no model was promoted in {models}; run `make train_model` first")
    return experiment


def model_folder(models: Path, experiment_id: str) -> Path:
    """The folder of an experiment; ids are checked, so that none can name another place.

    Raises:
        DataError: if the id is not twelve hex digits.
    """
    if not _ID.fullmatch(experiment_id):
        raise DataError(f"experiment id {experiment_id[:40]!r} is not twelve hex digits")
    return models / experiment_id


def verified_manifest(models: Path, experiment_id: str) -> Manifest:
    """The manifest of an experiment whose every file has the digest that it names.

    Raises:
        DataError: if the folder is missing, not whole, or a file was changed.
    """
    folder = model_folder(models, experiment_id)
    manifest = find_manifest(folder)
    if manifest is None:
        raise DataError(f"model {experiment_id} is missing or not whole in {models}")
    verify_files(folder, manifest.outputs)
    return manifest


def verified_files(models: Path, experiment_id: str, names: Collection[str]) -> Path:
    """The folder of an experiment whose files ``names`` have the digests of its manifest.

    For places that hold only what serving needs of a model, not its checkpoint and plots.

    Raises:
        DataError: if the manifest or one of the files is missing or was changed.
    """
    folder = model_folder(models, experiment_id)
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise DataError(f"model {experiment_id} is missing in {models}") from None
    except ValidationError:
        raise DataError(f"{folder / MANIFEST} is damaged; restore {folder}") from None
    records = {record.path: record for record in manifest.outputs}
    unknown = sorted(set(names) - set(records))
    if unknown:
        raise DataError(f"model {experiment_id} has no {', '.join(unknown)}; train it anew")
    verify_files(folder, [records[name] for name in names])
    return folder


def promote(models: Path, experiment_id: str, *, by: str, figures: dict[str, Any]) -> None:
    """Check the model's files, append to the journal and move the pointer, in this order.

    Does nothing where the model already serves. A damaged pointer is replaced.

    Raises:
        DataError: if the model is missing or damaged; the pointer then stays where it was.
    """
    verified_manifest(models, experiment_id)
    try:
        before = production_id(models)
    except DataError:
        before = None
    if before == experiment_id:
        return
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "from": before,
        "to": experiment_id,
        "by": by,
        "figures": figures,
    }
    with (models / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(entry) + "\n")
        journal.flush()
        os.fsync(journal.fileno())
    write_atomically(models / POINTER, json.dumps({"experiment_id": experiment_id}) + "\n")
