"""MLflow's copies of models that are removed, as far as MLflow is files in RUN_DIR/mlruns.

Runs keep their figures. A version that has an alias stays, with its files. What a tracking server
keeps is up to the people who run that.
"""

from collections.abc import Collection, Iterator

from common.config.schema import Settings
from common.tracking.client import MODEL, mlflow_client
from common.tracking.local import ARTIFACTS, DATABASE
from common.tracking.records import one_upload_at_a_time
from common.upkeep.items import Item, measured
from common.upkeep.lock import BUSY, is_free


def registered_copies(
    settings: Settings, *, models: Collection[str], remove: bool
) -> Iterator[Item]:
    """The files of each version; the version itself goes after them.

    Args:
        settings: the run's.
        models: the ids of those that stay.
        remove: False only looks.

    Raises:
        TriageError: if the database is damaged.
    """
    tracking, name = settings.paths.tracking, settings.tracking.name
    if settings.tracking.uri is not None or not (tracking / DATABASE).is_file():
        return
    with is_free(one_upload_at_a_time(settings, timeout_s=0)) as free:
        if not free:
            yield Item("MLflow's versions", (), 0, BUSY)
            return
        with mlflow_client(settings) as client:
            for registered in client.search_registered_models(f"name = '{name}'"):
                aliases = {str(number): alias for alias, number in registered.aliases.items()}
                for version in client.search_model_versions(f"name = '{name}'"):
                    number, model_id = str(version.version), version.tags.get("model_id")
                    stays = "its model stays" if model_id in models else None
                    stays = f"alias {aliases[number]}" if number in aliases else stays
                    files = tracking / ARTIFACTS / version.run_id / "artifacts" / MODEL
                    yield measured(f"MLflow's version {number}", [files], stays=stays)
                    if remove and stays is None:
                        client.delete_model_version(name, number)
