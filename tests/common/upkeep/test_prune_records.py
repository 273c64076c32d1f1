"""What `make prune` removes of MLflow's files and of the studies of `make tune`."""

import shutil
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from sqlalchemy import URL

from common.config.schema import Settings
from common.config.tracking import TrackingSettings
from common.tracking.client import experiment_id, mlflow_client
from common.tracking.local import DATABASE
from common.tracking.records import one_upload_at_a_time
from common.upkeep.prune import prune
from d_training.tuning.study import opened_study
from tests.common.upkeep.conftest import Move, Train

# MLflow's own use of SQLAlchemy 2.1, where the store is a file.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
NAME = "message-triage"


@pytest.fixture(scope="module")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store; to make its tables takes seconds."""
    settings = Settings(run_dir=tmp_path_factory.mktemp("store"))
    with mlflow_client(settings) as client:
        client.create_registered_model(NAME)
    return settings.paths.tracking / DATABASE


@pytest.fixture
def mlflow(settings: Settings, new_store: Path) -> None:
    """A run folder with that store."""
    settings.paths.tracking.mkdir(parents=True)
    shutil.copy(new_store, settings.paths.tracking)


def registered(settings: Settings, ids: list[str], *, production: str = "") -> None:
    """A version of each model, as a training uploads it."""
    with mlflow_client(settings) as client:
        for model_id in ids:
            run = client.create_run(experiment_id(client, settings)).info.run_id
            client.log_metric(run, "macro_f1", 0.5)
            client.log_artifacts(run, str(settings.paths.models / model_id), "model")
            source, tags = f"runs:/{run}/model", {"model_id": model_id}
            version = client.create_model_version(NAME, source, run, tags).version
            client.set_registered_model_alias(NAME, "candidate", version)
            if model_id == production:
                client.set_registered_model_alias(NAME, "production", version)


def versions(client: MlflowClient) -> dict[str, Path]:
    """Of each model that has a version: where its files are."""
    found = client.search_model_versions(f"name = '{NAME}'")
    return {v.tags["model_id"]: Path(client.download_artifacts(v.run_id, "model")) for v in found}


@pytest.mark.usefixtures("mlflow")
def test_of_mlflows_copies_go_those_of_models_that_go(
    settings: Settings, train: Train, move: Move
) -> None:
    ids = train(4)
    move(ids[0])
    registered(settings, ids, production=ids[0])
    listed = {item.name: item.stays for item in prune(settings, keep=1, remove=False)}
    assert {name: why for name, why in listed.items() if name.startswith("MLflow")} == {
        "MLflow's version 1": "alias production",
        "MLflow's version 2": None,
        "MLflow's version 3": None,
        "MLflow's version 4": "alias candidate",
    }
    with mlflow_client(settings) as client:
        assert set(versions(client)) == {*ids}

    prune(settings, keep=1, remove=True)
    with mlflow_client(settings) as client:
        left = versions(client)
        assert set(left) == {ids[0], ids[3]}
        assert all((folder / "manifest.json").is_file() for folder in left.values())
        runs = client.search_runs([experiment_id(client, settings)])
        assert [run.data.metrics for run in runs] == [{"macro_f1": 0.5}] * 4
    assert len(list((settings.paths.tracking / "artifacts").glob("*/artifacts/model"))) == 2


@pytest.mark.usefixtures("mlflow")
def test_an_alias_of_a_persons_own_keeps_a_version(settings: Settings, train: Train) -> None:
    ids = train(2)
    registered(settings, ids)
    with mlflow_client(settings) as client:
        client.set_registered_model_alias(NAME, "audited", "1")
    prune(settings, keep=1, remove=True)
    with mlflow_client(settings) as client:
        assert set(versions(client)) == {*ids}


@pytest.mark.usefixtures("mlflow")
def test_nothing_of_mlflow_goes_while_it_is_written_or_from_a_server(
    settings: Settings, train: Train
) -> None:
    registered(settings, train(2))
    with one_upload_at_a_time(settings, timeout_s=0):
        found = prune(settings, keep=1, remove=True)
    assert ("MLflow's versions", "another command is at work on it") in {
        (item.name, item.stays) for item in found
    }
    server = TrackingSettings.model_validate({"uri": "http://127.0.0.1:9"})
    prune(settings.model_copy(update={"tracking": server}), keep=1, remove=True)
    with mlflow_client(settings) as client:
        assert len(versions(client)) == 2


def studied(settings: Settings, *names: str) -> None:
    settings.paths.models.mkdir(parents=True, exist_ok=True)
    for name in names:
        with opened_study(settings.paths.studies, name) as study:
            study.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=1)


def studies(settings: Settings) -> set[str]:
    address = URL.create("sqlite", database=str(settings.paths.studies))
    return set(optuna.get_all_study_names(address.render_as_string()))


def test_the_newest_studies_stay_and_those_that_a_model_is_of(
    settings: Settings, train: Train, move: Move
) -> None:
    studied(settings, "first", "second", "third", "fourth")
    (model_id,) = train(1)
    move(model_id)
    metrics = settings.paths.models / model_id / "metrics.json"
    text = metrics.read_text(encoding="utf-8")
    metrics.write_text(text.replace("{", '{"tuning": {"study": "first"}, ', 1), encoding="utf-8")
    prune(settings, keep=2, remove=False)
    assert len(studies(settings)) == 4
    prune(settings, keep=2, remove=True)
    assert studies(settings) == {"first", "third", "fourth"}


def test_no_study_goes_while_one_runs(settings: Settings) -> None:
    studied(settings, "first", "second")
    with opened_study(settings.paths.studies, "third"):
        found = prune(settings, keep=1, remove=True)
    assert ("studies", "another command is at work on it") in {(i.name, i.stays) for i in found}
    assert studies(settings) == {"first", "second", "third"}
