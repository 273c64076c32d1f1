"""Events of the deployment journal in MLflow: a run each below its model's, tags, the alias.

The journal leads and MLflow follows, event by event: after the last one, the alias production
names what the last move let serve.
"""

import logging
from typing import TYPE_CHECKING

from common.models.journal import Deployment
from common.models.verdict import find_verdict
from common.stage.manifest import find_manifest
from common.tracking.client import PRODUCTION
from common.tracking.records import stage_record
from d_training.tracking.runs import Place, ensure_run, log, upload_record
from d_training.tracking.versions import find_version, set_version_tags

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)


def upload_deployment(place: Place, entry: Deployment, *, number: int) -> None:
    """Tell MLflow of one event; ``number`` is its place in the journal."""
    version = _version(place, entry.to)
    if version is None:
        logger.warning(
            "tracking: MLflow has no version of model %s, nor has models/; its %s is left out",
            entry.to,
            entry.action,
        )
        return
    run = ensure_run(
        place, f"{number}-{entry.action}-{entry.to}-{entry.at:%Y%m%dT%H%M%S}", entry.action,
        at=entry.at, parent=version.run_id,
        tags={
            "stage": "deployment", "action": entry.action, "from": entry.before or "none",
            "to": entry.to, "by": entry.by, "forced": str(entry.forced).lower(),
            "reasons": "; ".join(entry.reasons),
        },
    )  # fmt: skip
    log(place, run, at=entry.at, figures=entry.figures)
    tags = {"last_action": entry.action, "last_action_at": entry.at.isoformat()}
    verdict = find_verdict(place.settings.paths.models, entry.to)
    if entry.action != "rollback" and verdict is not None and verdict.against == entry.before:
        place.client.log_dict(run, verdict.model_dump(mode="json"), "verdict.json")
        tags |= {
            "gate": "promote" if verdict.promote else "refuse",
            "gate_reasons": "; ".join(verdict.reasons),
        }
    set_version_tags(place.client, place.name, version, tags)
    place.client.set_terminated(run, end_time=round(entry.at.timestamp() * 1_000))
    if entry.moved:
        place.client.set_registered_model_alias(place.name, PRODUCTION, version.version)


def _version(place: Place, model_id: str) -> "ModelVersion | None":
    """The version of a model; one that was trained without tracking is registered now."""
    found = find_version(place.client, place.name, model_id)
    manifest = find_manifest(place.settings.paths.models / model_id)
    if found is None and manifest is not None:
        upload_record(place, stage_record(place.settings, manifest))
        found = find_version(place.client, place.name, model_id)
    return found
