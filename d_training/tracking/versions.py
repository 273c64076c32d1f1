"""Trained models as versions of one registered model in MLflow, with aliases, not stages.

A version points to the files of its run. Its tags name the model, the digest of the model's
manifest (which holds the digest of each file), the data and settings that made it, and the
gate's last verdict; its description is the model card. The newest version is ``candidate``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from common.stage.files import sha256_of
from common.stage.manifest import MANIFEST
from common.tracking.client import CANDIDATE, MODEL

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_LONGEST = 5_000  # characters of a description or tag


def register(
    client: "MlflowClient",
    name: str,
    folder: Path,
    *,
    card: Path,
    run: str,
    tags: Mapping[str, str],
) -> None:
    """Make a model folder, which lies among the artifacts of ``run``, a version.

    Args:
        client: of the server that has the run.
        name: of the registered model.
        folder: the model folder.
        card: its model card.
        run: the id of the run.
        tags: of the version; ``trained_at``, ISO in UTC, decides whether it is the candidate.
    """
    _ensure_model(client, name)
    known = {
        **tags,
        "model_id": folder.name,
        "manifest_sha256": sha256_of(folder / MANIFEST),
    }
    version = next(
        (
            found
            for found in _versions(client, name, folder.name)
            if found.tags.get("manifest_sha256") == known["manifest_sha256"]
        ),
        None,
    )
    if version is None:
        version = client.create_model_version(
            name,
            f"runs:/{run}/{MODEL}",
            run_id=run,
            tags={key: value[:_LONGEST] for key, value in known.items()},
            description=card.read_text(encoding="utf-8")[:_LONGEST],
        )
    newest = client.get_registered_model(name).aliases.get(CANDIDATE)
    if newest is not None:
        trained_at = client.get_model_version(name, newest).tags.get("trained_at", "")
        if trained_at > tags["trained_at"]:
            return
    client.set_registered_model_alias(name, CANDIDATE, version.version)


def find_version(client: "MlflowClient", name: str, model_id: str) -> "ModelVersion | None":
    """The newest version of a model."""
    return next(iter(_versions(client, name, model_id)), None)


def set_version_tags(
    client: "MlflowClient", name: str, version: "ModelVersion", tags: Mapping[str, str]
) -> None:
    """Set tags of a version, whatever they were."""
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value[:_LONGEST])


def _versions(client: "MlflowClient", name: str, model_id: str) -> "list[ModelVersion]":
    found = client.search_model_versions(f"name = '{name}' and tags.model_id = '{model_id}'")
    return sorted(found, key=lambda version: int(version.version), reverse=True)


def _ensure_model(client: "MlflowClient", name: str) -> None:
    if not client.search_registered_models(f"name = '{name}'", max_results=1):
        client.create_registered_model(name)
