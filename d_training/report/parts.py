"""What the report is made from, read from a run folder that may lack anything."""

import logging
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from common.config.paths import Paths
from common.errors import DataError
from common.models.evaluation import Evaluation, find_evaluation
from common.models.journal import last_decision, read_journal
from common.models.metrics import ModelMetrics, read_metrics
from common.models.registry import serving_id
from common.models.verdict import Verdict, find_verdict
from common.stage.manifest import Manifest, find_manifest

logger = logging.getLogger(__name__)
_PEOPLE = "labeled by people"  # how a verdict's rows end where gold decided it


class Stage(NamedTuple):
    """A stage, the command that runs it, and its manifest or what is wrong with it."""

    name: str
    command: str
    manifest: Manifest | None
    problem: str


class Model(NamedTuple):
    """A trained model; ``gold`` is its macro-F1 by people's labels."""

    id: str
    folder: Path
    created_at: datetime
    manifest: Manifest
    metrics: ModelMetrics
    gold: float | None
    verdict: str
    serves: bool


def list_stages(paths: Paths, newest: Model | None) -> list[Stage]:
    """The four data stages, in order; training's is that of the newest model."""
    found = [
        _stage("a_ingestion", "data_ingestion", paths.raw),
        _stage("b_transformation", "data_transformation", paths.curated),
        _stage("c_classification", "classify", paths.labeled),
    ]
    trained = newest.manifest if newest else None
    return [*found, Stage("d_training", "train_model", trained, "" if trained else "not here")]


def list_models(paths: Paths) -> list[Model]:
    """All whole model folders, the newest first."""
    evaluation, serving = find_evaluation(paths.reports), serving_id(paths.models)
    found = []
    for folder in paths.models.glob("[0-9a-f]" * 12):
        manifest, _ = _manifest(folder)
        if manifest is None:
            continue
        try:
            metrics = read_metrics(folder)
        except DataError as error:
            logger.warning("left out of the report: %s", error)
            continue
        verdict = find_verdict(paths.models, folder.name)
        found.append(
            Model(
                id=folder.name,
                folder=folder,
                created_at=manifest.created_at,
                manifest=manifest,
                metrics=metrics,
                gold=_gold(folder.name, evaluation, verdict),
                verdict=_decision(paths.models, folder.name, verdict),
                serves=folder.name == serving,
            )
        )
    return sorted(found, key=lambda model: model.created_at, reverse=True)


def _stage(name: str, command: str, folder: Path) -> Stage:
    manifest, problem = _manifest(folder)
    return Stage(name, command, manifest, problem)


def _manifest(folder: Path) -> tuple[Manifest | None, str]:
    try:
        manifest = find_manifest(folder)
    except DataError:
        return None, "its manifest is damaged"
    return manifest, "" if manifest else "not here, or not whole"


def _gold(model: str, evaluation: Evaluation | None, verdict: Verdict | None) -> float | None:
    if evaluation is not None and evaluation.model_id == model:
        return evaluation.student.macro_f1
    if verdict is not None and verdict.rows.endswith(_PEOPLE):
        return verdict.figures.get("macro_f1")
    return None


def _decision(models: Path, model: str, verdict: Verdict | None) -> str:
    """The gate's verdict, and what became of it where that is something else."""
    outcome = "not judged" if verdict is None else "promote" if verdict.promote else "refuse"
    last = last_decision(read_journal(models), model)
    if last is None or last.action == outcome:
        return outcome
    if verdict is None:
        return f"{last.action}, no verdict"
    return f"{outcome}, then {last.action}"
