"""Which model serves, and whether its files are whole: models/production.json, models/<id>/.

The pointer is replaced by rename, by common/models/deployment.py alone.
"""

import json
import re
from collections.abc import Collection
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from common.errors import DataError
from common.stage.manifest import MANIFEST, Manifest, find_manifest, verify_files

POINTER = "production.json"
MODEL, MODEL_INT8 = "model.onnx", "model.int8.onnx"
TOKENIZER, LABELS, METRICS = "tokenizer.json", "labels.yaml", "metrics.json"
CARD, DATA_CARD, PLOTS = "model_card.md", "data_card.md", "plots"
_CARDS = "cards"
_ID = re.compile(r"[0-9a-f]{12}")


class _Pointer(BaseModel):
    """production.json; older versions of this code called the id of a model experiment_id."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str = Field(validation_alias=AliasChoices("model_id", "experiment_id"))


def production_id(models: Path) -> str | None:
    """The model that serves, or None where none was promoted yet.

    Raises:
        DataError: if the pointer is damaged.
    """
    path = models / POINTER
    try:
        model_id = _Pointer.model_validate_json(path.read_bytes()).model_id
    except FileNotFoundError:
        return None
    except ValidationError:
        raise DataError(f"{path} is damaged; promote a model again") from None
    model_folder(models, model_id)
    return model_id


def require_production_id(models: Path) -> str:
    """The model that serves.

    Raises:
        DataError: if none was promoted yet, or the pointer is damaged.
    """
    model_id = production_id(models)
    if model_id is None:
        raise DataError(f"no model was promoted in {models}; run `make train_model` first")
    return model_id


def model_folder(models: Path, model_id: str) -> Path:
    """The folder of a model; ids are checked, so that none can name another place.

    Raises:
        DataError: if the id is not twelve hex digits.
    """
    if not _ID.fullmatch(model_id):
        raise DataError(f"model id {model_id[:40]!r} is not twelve hex digits")
    return models / model_id


def cards_folder(models: Path, model_id: str) -> Path:
    """Where the cards and plots of a model lie: beside its folder, which never changes."""
    return models / _CARDS / model_id


def verified_manifest(models: Path, model_id: str) -> Manifest:
    """The manifest of a model whose every file has the digest that it names.

    Raises:
        DataError: if the folder is missing, not whole, or a file was changed.
    """
    folder = model_folder(models, model_id)
    manifest = find_manifest(folder)
    if manifest is None:
        raise DataError(f"model {model_id} is missing or not whole in {models}")
    verify_files(folder, manifest.outputs)
    return manifest


def verified_files(models: Path, model_id: str, names: Collection[str]) -> Path:
    """The folder of a model whose files ``names`` have the digests of its manifest.

    For places that hold only what serving needs of a model, not its checkpoint and plots.

    Raises:
        DataError: if the manifest or one of the files is missing or was changed.
    """
    folder = model_folder(models, model_id)
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise DataError(f"model {model_id} is missing in {models}") from None
    except ValidationError:
        raise DataError(f"{folder / MANIFEST} is damaged; restore {folder}") from None
    records = {record.path: record for record in manifest.outputs}
    unknown = sorted(set(names) - set(records))
    if unknown:
        raise DataError(f"model {model_id} has no {', '.join(unknown)}; train it anew")
    verify_files(folder, [records[name] for name in names])
    return folder


def served_model(folder: Path) -> str:
    """The ONNX file of a model folder that serves: INT8, or float32 where that did not pass.

    Training has decided, and metrics.json says so; INT8 where it names none.

    Raises:
        DataError: if metrics.json is damaged, or names another file.
    """
    path = folder / METRICS
    try:
        served = json.loads(path.read_bytes()).get("served", MODEL_INT8)
    except (ValueError, AttributeError):
        raise DataError(f"{path} is damaged; restore {folder}") from None
    if served not in (MODEL, MODEL_INT8):
        raise DataError(f"{path} serves {str(served)[:40]!r}, not {MODEL_INT8} or {MODEL}")
    return str(served)


def served_files(folder: Path) -> tuple[str, ...]:
    """What serving needs of a model folder, beside its manifest."""
    return (served_model(folder), TOKENIZER, LABELS, METRICS)


def verified_served(models: Path, model_id: str, *, also: Collection[str] = ()) -> Path:
    """Like ``verified_files``, for what serving needs and the files ``also``."""
    folder = verified_files(models, model_id, (METRICS,))  # it names the model that serves
    return verified_files(models, model_id, (*served_files(folder), *also))


def serving_id(models: Path) -> str | None:
    """Like ``production_id``, but a damaged pointer counts as none: promotion replaces it."""
    try:
        return production_id(models)
    except DataError:
        return None
