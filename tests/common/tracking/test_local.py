"""RUN_DIR/mlruns may be called anything, and be moved."""

import shutil
from pathlib import Path

import pytest

from common.config.schema import Settings
from common.tracking.client import experiment_id, mlflow_client
from tests.names import FILES


def log_a_file(run_dir: Path, file: Path) -> str:
    """The id of a new run, of which ``file`` and a model version are kept."""
    settings = Settings(run_dir=run_dir)
    with mlflow_client(settings) as client:
        run = client.create_run(experiment_id(client, settings)).info.run_id
        client.log_artifact(run, str(file), "model")
        if not client.search_registered_models("name = 'm'"):
            client.create_registered_model("m")
        client.create_model_version("m", f"runs:/{run}/model", run_id=run)
        return str(run)


def files(run_dir: Path) -> set[str]:
    return {path.parts[-4] for path in run_dir.glob("mlruns/artifacts/*/artifacts/model/note")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's and SQLAlchemy's own
def test_a_copy_writes_into_itself_whatever_its_name(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("kept")
    original, copied, moved = (tmp_path / name / FILES[-1] for name in "abc")
    first = log_a_file(original, note)
    shutil.copytree(original, copied)

    second = log_a_file(copied, note)

    assert files(original) == {first}
    assert files(copied) == {first, second}
    shutil.rmtree(original)
    copied.rename(moved.parent)
    with mlflow_client(Settings(run_dir=moved.parent)) as client:
        for run in (first, second):
            assert Path(client.download_artifacts(run, "model/note")).read_text() == "kept"
        assert client.get_model_version_download_uri("m", "2") == f"runs:/{second}/model"
    assert {path.name for path in tmp_path.iterdir()} == {"note", "a", "b", "c"}
