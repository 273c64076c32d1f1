"""Trials for MLflow: a parent run a study, with a child a trial and one that sums up.

A record's name follows from the trial alone, so what is recorded twice is there once.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.config.schema import Settings
from common.stage.plan import Plan
from common.tracking.records import RunRecord, digest
from d_training.tuning.study import with_values

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def trial_record(settings: Settings, plan: Plan, trial: "FrozenTrial") -> RunRecord:
    """The record of a finished trial."""
    started, ended = utc(trial.datetime_start), utc(trial.datetime_complete)
    seconds = (ended - started).total_seconds()
    loss = {} if trial.value is None else {"validation_loss": trial.value}
    looks = [[step, loss] for step, loss in sorted(trial.intermediate_values.items())]
    return RunRecord(
        stage=f"trial-{trial.number}",
        pipeline=f"study-{plan.key}",
        profile=settings.profile,
        ended_at=ended,
        seconds=seconds,
        settings={
            "training": with_values(settings.training, trial.params).model_dump(mode="json"),
            "seed": settings.seed,
        },
        tags=_tags(plan) | {"trial": str(trial.number), "state": trial.state.name.lower()},
        figures=loss | trial.user_attrs | {"looks": len(looks), "seconds": seconds},
        document="trial.json",
        content={"values": trial.params, "validation_loss_by_look": looks},
    )


def study_record(
    settings: Settings, plan: Plan, summary: Mapping[str, Any], *, files: Iterable[Path]
) -> RunRecord:
    """The record of a study so far.

    Args:
        settings: the command's.
        plan: the study's.
        summary: what reports/tuning/study.json holds.
        files: pictures, below RUN_DIR.
    """
    best = summary["best"] or {}
    return RunRecord(
        stage="tuning",
        pipeline=f"study-{plan.key}",
        profile=settings.profile,
        settings=plan.settings,
        tags=_tags(plan),
        figures={
            "finished": summary["finished"][1],
            "best": {key: best[key] for key in ("trial", "validation_loss") if best},
            "importance": summary["importance"],
        },
        document="study.json",
        content=dict(summary),
        files=tuple(file.relative_to(settings.run_dir) for file in files),
    )


def utc(at: datetime | None) -> datetime:
    """Optuna's local time, which a finished trial has, in UTC."""
    assert at is not None  # noqa: S101 a finished trial has its time
    return at.astimezone(UTC)


def _tags(plan: Plan) -> dict[str, str]:
    return {"key": plan.key, "code_sha256": plan.code_sha256, "input": digest(plan.inputs)}
