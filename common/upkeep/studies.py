"""Studies of `make tune` in models/studies.db."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from common.errors import DataError
from common.locks import exclusive
from common.stage.files import read_json
from common.upkeep.items import Item
from common.upkeep.lock import BUSY, is_free

_LOCK = ".studies.lock"  # of d_training/tuning, which runs one study at a time


def tuning_studies(
    studies: Path, *, models: Collection[str], keep: int, remove: bool
) -> Iterator[Item]:
    """All studies; their bytes are in one file, and count as none.

    Args:
        studies: models/studies.db.
        models: ids of those that stay, and with them the studies that they were tuned by.
        keep: how many of the newest stay.
        remove: False only looks.

    Raises:
        DataError: if the file is damaged.
    """
    if not studies.is_file():
        return
    import optuna
    from sqlalchemy import URL, text
    from sqlalchemy.exc import DatabaseError

    metrics = (read_json(studies.parent / model_id / "metrics.json") for model_id in models)
    used = {(found.get("tuning") or {}).get("study") for found in metrics}
    address = URL.create("sqlite", database=str(studies.absolute()))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with is_free(exclusive(studies.parent / _LOCK, busy="")) as free:
        if not free:
            yield Item("studies", (), 0, BUSY)
            return
        try:
            storage = optuna.storages.RDBStorage(address.render_as_string(hide_password=False))
        except DatabaseError as error:
            raise DataError(f"{studies} is damaged ({error.orig}); remove it") from None
        try:
            found = optuna.get_all_study_summaries(storage, include_best_trial=False)
            found.sort(key=lambda study: study.datetime_start or datetime.max, reverse=True)
            for place, study in enumerate(found):
                stays = f"one of the newest {keep}" if place < keep else None
                stays = "a model was tuned by it" if study.study_name in used else stays
                yield Item(f"study {study.study_name}", (), 0, stays)
                if remove and stays is None:
                    optuna.delete_study(study_name=study.study_name, storage=storage)
            if remove:
                with storage.engine.connect() as connection:
                    connection.execute(text("VACUUM"))
        finally:
            storage.remove_session()
            storage.engine.dispose()
