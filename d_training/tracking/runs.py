"""Records as MLflow runs: a parent for a run of the chain, a child a stage, its model's version.

Every run carries its record's name as a tag and is looked for by it first, so that what a kill
cut short is completed, and nothing is there twice.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from common.config.schema import Settings
from common.models.metrics import read_metrics
from common.models.registry import CARD, PLOTS
from common.stage.manifest import find_manifest
from common.tracking.client import MODEL
from common.tracking.records import RunRecord
from d_training.cards.write import write_cards
from d_training.tracking.versions import register

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECORD, PARENT = "record", "mlflow.parentRunId"
_MOST_METRICS, _LONGEST = 1_000, 5_000


class Place(NamedTuple):
    """Where runs go: the experiment's id, and the settings that name the rest."""

    client: "MlflowClient"
    experiment: str
    settings: Settings

    @property
    def name(self) -> str:
        """Of the registered model."""
        return self.settings.tracking.name


def upload_record(place: Place, record: RunRecord) -> None:
    """Make or complete the run of a record, its parent, and its model's version."""
    client = place.client
    started = record.ended_at - timedelta(seconds=record.seconds)
    parent = ensure_run(
        place, record.pipeline, record.pipeline, at=started, tags={"profile": record.profile}
    )
    run = ensure_run(
        place, record.name, record.stage, at=started, parent=parent,
        tags=record.tags | {"stage": record.stage, "profile": record.profile},
    )  # fmt: skip
    log(place, run, at=record.ended_at, figures=record.figures, settings=record.settings)
    client.log_dict(run, record.content, record.document)
    for file in record.files:
        if (place.settings.run_dir / file).is_file():
            client.log_artifact(run, str(place.settings.run_dir / file))
    if record.model is not None:
        _upload_model(place, run, record)
    for done in (run, parent):
        client.set_terminated(done, end_time=_ms(record.ended_at))


def ensure_run(
    place: Place, record: str, name: str, *,
    at: datetime, tags: Mapping[str, str], parent: str | None = None,
) -> str:  # fmt: skip
    """The id of the run that a record stands for."""
    found = place.client.search_runs(
        [place.experiment], f"tags.{RECORD} = '{record}'", max_results=1
    )
    if found:
        return str(found[0].info.run_id)
    tags = {key: value[:_LONGEST] for key, value in tags.items()} | {RECORD: record}
    if parent is not None:
        tags[PARENT] = parent
    run = place.client.create_run(place.experiment, start_time=_ms(at), tags=tags, run_name=name)
    return str(run.info.run_id)


def log(
    place: Place, run: str, *,
    at: datetime, figures: Mapping[str, Any], settings: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Log nested figures as metrics and nested settings as parameters."""
    from mlflow.entities import Metric, Param

    metrics = [Metric(key, value, _ms(at), 0) for key, value in _numbers(figures)]
    for start in range(0, len(metrics), _MOST_METRICS):
        place.client.log_batch(run, metrics=metrics[start : start + _MOST_METRICS])
    params = [Param(key, str(value)[:_LONGEST]) for key, value in _leaves(settings or {})]
    if params:
        place.client.log_batch(run, params=params)


def _upload_model(place: Place, run: str, record: RunRecord) -> None:
    """The learning curve, the plots, the folder, and a version in the registry."""
    from mlflow.entities import Metric

    folder = place.settings.paths.models / str(record.model)
    manifest = find_manifest(folder)
    if manifest is None:
        return  # killed before it was published, or removed since
    at = _ms(record.ended_at)
    curve = [
        Metric(key, value, at, look.texts)
        for look in read_metrics(folder).training.curve
        for key, value in look.model_dump(exclude={"texts"}).items()
    ]
    place.client.log_batch(run, metrics=curve)
    cards = write_cards(place.settings.paths.models, folder.name)
    place.client.log_artifacts(run, str(cards / PLOTS), PLOTS)
    place.client.log_artifacts(run, str(folder), MODEL)
    register(
        place.client, place.name, folder, card=cards / CARD, run=run,
        tags=record.tags | {"trained_at": record.ended_at.isoformat()},
    )  # fmt: skip


def _numbers(figures: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in _leaves(figures):
        if isinstance(value, int | float) and math.isfinite(value):
            yield key, float(value)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of a nested mapping; MLflow allows few characters in a key."""
    for key, value in tree.items():
        kept = "".join(c if c.isalnum() or c in "_-. " else "_" for c in str(key))
        name = f"{prefix}{kept}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
