"""Serving what MLflow's registry names, serving.model_source=registry, without MLflow in the API.

Before a server starts, the files of the version that has the alias production are copied into
RUN_DIR/.cache/registry, which looks like models/: folders by model id, and a pointer. They
are plain files, checked by digest; none of MLflow's model loaders is used.
"""

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from common.config.schema import Settings
from common.errors import DataError
from common.models.registry import (
    METRICS,
    POINTER,
    model_folder,
    production_id,
    served_files,
    verified_served,
)
from common.stage.files import sha256_of, write_atomically
from common.stage.manifest import MANIFEST
from common.tracking.client import MODEL, PRODUCTION, TrackingError, mlflow_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)


def fetch_served(settings: Settings) -> Path:
    """The folder of models to serve from, brought up to date where it is a copy.

    Where MLflow is away, the model that was copied last serves on.

    Raises:
        TrackingError: if MLflow is away and nothing was copied before, or no version has the alias.
        DataError: if what the registry holds is not what the version's digests say.
    """
    folder = settings.served_models
    if settings.serving.model_source == "local":
        return folder
    try:
        with mlflow_client(settings) as client:
            fetched = _fetch(client, settings.tracking.name, folder)
        logger.info("registry: %s of %s is model %s", PRODUCTION, settings.tracking.name, fetched)
    except TrackingError as error:
        held = production_id(folder)
        if held is None:
            raise
        logger.warning("registry: %s; model %s serves, which was fetched before", error, held)
    return folder


def _fetch(client: "MlflowClient", name: str, folder: Path) -> str:
    version = client.get_model_version_by_alias(name, PRODUCTION)
    model_id: str = version.tags.get("model_id", "")
    manifest_sha256 = version.tags.get("manifest_sha256", "")
    target = model_folder(folder, model_id)
    if not _is_whole(folder, model_id, manifest_sha256):
        partial = folder / f".{model_id}.part"
        shutil.rmtree(partial, ignore_errors=True)
        copied = model_folder(partial, model_id)
        copied.mkdir(parents=True)
        for file in (MANIFEST, METRICS):  # which names the rest
            _download(client, version.run_id, file, copied)
        for file in set(served_files(copied)) - {METRICS}:
            _download(client, version.run_id, file, copied)
        _require_whole(partial, model_id, manifest_sha256)
        shutil.rmtree(target, ignore_errors=True)
        copied.rename(target)
        shutil.rmtree(partial)
    write_atomically(folder / POINTER, json.dumps({"model_id": model_id}) + "\n")
    return model_id


def _download(client: "MlflowClient", run_id: str, file: str, folder: Path) -> None:
    got = client.download_artifacts(run_id, f"{MODEL}/{file}", str(folder.parent))
    Path(got).rename(folder / file)


def _is_whole(folder: Path, model_id: str, manifest_sha256: str) -> bool:
    try:
        _require_whole(folder, model_id, manifest_sha256)
    except DataError:
        return False
    return True


def _require_whole(folder: Path, model_id: str, manifest_sha256: str) -> None:
    path = verified_served(folder, model_id) / MANIFEST
    if sha256_of(path) != manifest_sha256:
        raise DataError(f"{path} is not the manifest that version was registered with")
