"""A study: the trials of training settings on one state of data, in RUN_DIR/models/studies.db.

Optuna keeps it in SQLite. A trial is finished when it has run to its end or was stopped early;
what a killed process left running counts as failed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.errors import DataError
from common.locks import exclusive
from d_training.experiment import start_checkpoint, study_plan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

_LOCK = ".studies.lock"


class Best(NamedTuple):
    """The best trial of a study of ``finished`` trials, and the training settings it tried."""

    study: str
    trial: int
    finished: int
    validation_loss: float
    values: dict[str, Any]

    def applied(self, settings: Settings) -> Settings:
        """The same settings, but those of training that were tuned."""
        return settings.model_copy(update={"training": with_values(settings, self.values)})


def with_values(settings: Settings, values: dict[str, Any]) -> TrainingSettings:
    """The training settings with some values replaced, checked."""
    return TrainingSettings.model_validate(settings.training.model_dump() | values)


@contextmanager
def opened_study(settings: Settings, name: str) -> Iterator["Study"]:
    """The study of that name, new where there is none, for this process alone to add to.

    Raises:
        TriageError: if another process is tuning.
        DataError: if the file is damaged.
    """
    import optuna

    path = settings.paths.studies
    busy = f"another process is tuning in {path}; wait for it, or end it"
    with exclusive(path.parent / _LOCK, busy=busy), _storage(path) as storage:
        study = optuna.create_study(
            study_name=name, storage=storage, direction="minimize", load_if_exists=True
        )
        for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        yield study


def finished_trials(study: "Study") -> list["FrozenTrial"]:
    """In the order that they ran in."""
    from optuna.trial import TrialState

    return study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))


def best_of(study: "Study") -> Best | None:
    """None where no trial has run to its end."""
    from optuna.trial import TrialState

    whole = study.get_trials(states=(TrialState.COMPLETE,))
    if not whole:
        return None
    best = min(whole, key=lambda trial: (trial.value, trial.number))
    return Best(
        study=study.study_name,
        trial=best.number,
        finished=len(finished_trials(study)),
        validation_loss=float(best.value or 0.0),
        values=dict(best.params),
    )


def find_best(settings: Settings) -> Best:
    """The best trial on the present data, settings and code.

    Raises:
        DataError: if there is none.
    """
    import optuna

    path, name = settings.paths.studies, study_plan(settings, start_checkpoint(settings)).key
    best = None
    if path.is_file():
        with _storage(path) as storage:
            if name in optuna.get_all_study_names(storage):
                best = best_of(optuna.load_study(study_name=name, storage=storage))
    if best is None:
        raise DataError(
            f"{path} holds no finished trial on the present data, settings and code "
            f"(study {name}); run `make tune` first, or train without TUNED=1"
        )
    return best


@contextmanager
def _storage(path: Path) -> Iterator["RDBStorage"]:
    import optuna
    from sqlalchemy.exc import DatabaseError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    except DatabaseError as error:
        raise DataError(f"{path} is damaged ({error.orig}); remove it") from None
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
