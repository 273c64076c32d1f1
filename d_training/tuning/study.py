"""A study: the trials of training settings on one state of data, in RUN_DIR/models/studies.db.

Optuna keeps it in SQLite. A trial is finished when it has run to its end or was stopped early;
what a killed process left running counts as failed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.config.training import TrainingSettings
from common.errors import DataError
from common.locks import exclusive
from common.models.metrics import Tuned

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

_LOCK = ".studies.lock"


def with_values(training: TrainingSettings, values: Mapping[str, Any]) -> TrainingSettings:
    """The training settings with some values replaced, checked."""
    return TrainingSettings.model_validate(training.model_dump() | dict(values))


def format_values(values: Mapping[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {format_value(value)}" for name, value in values.items())


def format_value(value: float) -> str:
    """Whole numbers as they are, others with three digits."""
    return str(value) if isinstance(value, int) else f"{value:.3g}"


@contextmanager
def opened_study(path: Path, name: str) -> Iterator["Study"]:
    """The study of that name in ``path``, new where there is none, for this process alone.

    Raises:
        TriageError: if another process is tuning.
        DataError: if the file is damaged.
    """
    import optuna

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


def best_of(study: "Study") -> Tuned | None:
    """None where no trial has run to its end."""
    from optuna.trial import TrialState

    whole = study.get_trials(states=(TrialState.COMPLETE,))
    if not whole:
        return None
    best = min(whole, key=lambda trial: (trial.value, trial.number))
    return Tuned(
        study=study.study_name,
        trial=best.number,
        finished=len(finished_trials(study)),
        validation_loss=float(best.value or 0.0),
        values=dict(best.params),
    )


def find_best(path: Path, name: str) -> Tuned:
    """The best trial of the study of that name, which is that of the present data and code.

    Raises:
        DataError: if there is none.
    """
    import optuna

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
    from sqlalchemy import URL
    from sqlalchemy.exc import DatabaseError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        address = URL.create("sqlite", database=str(path.absolute()))
        storage = optuna.storages.RDBStorage(address.render_as_string(hide_password=False))
    except DatabaseError as error:
        raise DataError(f"{path} is damaged ({error.orig}); remove it") from None
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
