"""Upload to MLflow what waits: records of stages, then events of the deployment journal.

``synced`` does so after a command; a server that is away costs it a look and one line a run of
the chain. ``python -m d_training sync`` does so on its own. Of the journal, which is only ever
appended to, RUN_DIR/mlruns/deployments.done counts the events that MLflow knows.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from common.config.schema import Settings
from common.errors import TriageError
from common.models.journal import read_journal
from common.stage.files import write_atomically
from common.tracking.client import experiment_id, mlflow_client, shown, tracking_uri
from common.tracking.records import SPOOL, one_upload_at_a_time, read_record, spooled

_DONE, _AWAY = "deployments.done", "away"
logger = logging.getLogger(__name__)


@contextmanager
def synced(settings: Settings) -> Iterator[None]:
    """Upload what waits after the block, also where that raised; MLflow's troubles are logged."""
    try:
        yield
    finally:
        if settings.tracking.enabled and _waiting(settings):
            _try(settings)


def sync(settings: Settings) -> None:
    """Upload all that waits.

    Raises:
        TriageError: if MLflow is away, or refuses; the rest waits on.
    """
    if not _waiting(settings):
        logger.info("tracking: MLflow at %s knows all", shown(tracking_uri(settings)))
        return
    from d_training.tracking.deployments import upload_deployment
    from d_training.tracking.runs import Place, upload_record

    with one_upload_at_a_time(settings, timeout_s=0), mlflow_client(settings) as client:
        place = Place(client, experiment_id(client, settings), settings)
        records = spooled(settings)
        for path in records:
            upload_record(place, read_record(path))
            path.unlink()
        entries = read_journal(settings.paths.models)
        done = _deployments_done(settings, len(entries))
        for number, entry in enumerate(entries[done:], start=done + 1):
            upload_deployment(place, entry, number=number)
            write_atomically(settings.paths.tracking / _DONE, f"{number}\n")
    (settings.paths.tracking / _AWAY).unlink(missing_ok=True)
    logger.info(
        "tracking: runs %d, deployments %d, now in MLflow at %s",
        len(records),
        len(entries) - done,
        shown(tracking_uri(settings)),
    )


def _try(settings: Settings) -> None:
    away = settings.paths.tracking / _AWAY
    with suppress(FileNotFoundError):
        if away.read_text(encoding="utf-8") == settings.pipeline:
            return  # logged already in this run of the chain
    try:
        sync(settings)
    except TriageError as error:
        write_atomically(away, settings.pipeline)
        logger.warning(
            "tracking: %s; what it misses waits in %s, `python -m d_training sync` uploads it",
            error,
            settings.paths.tracking / SPOOL,
        )


def _waiting(settings: Settings) -> bool:
    entries = len(read_journal(settings.paths.models))
    return bool(spooled(settings)) or _deployments_done(settings, entries) < entries


def _deployments_done(settings: Settings, entries: int) -> int:
    """How many events MLflow knows; none of a journal that is shorter than that, so a new one."""
    try:
        done = int((settings.paths.tracking / _DONE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0
    return done if done <= entries else 0
