"""docs/operations.md: a RUN_DIR that is lost, or that an older version wrote, serves again."""

import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient
from pydantic import SecretStr

from common.config.schema import Settings
from common.config.settings import ROOT
from common.config.store import StoreSettings
from common.models.deployment import promote
from common.models.registry import POINTER
from common.store.engine import open_store
from common.store.feedback import read_feedback
from common.upkeep.backup import save
from common.upkeep.restore import restore
from e_apification.api.app import create_app
from tests.e_apification.learning import WITH_KEY, serving
from tests.postgresql import emptied, programs

FIRST, SECOND = "0123456789ab", "ba9876543210"
MakeModels = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path, make_models: MakeModels) -> Settings:
    """A RUN_DIR in which the second model serves, and the first has served."""
    run_dir = tmp_path / "run"
    shutil.copytree(make_models(model_id=FIRST).parent, run_dir, symlinks=True)
    shutil.copytree(make_models(model_id=SECOND) / SECOND, run_dir / "models" / SECOND)
    promote(run_dir / "models", SECOND, by="tests", force=True)
    return Settings(run_dir=run_dir, serving=serving())


def client(settings: Settings) -> TestClient:
    return TestClient(create_app(settings), headers=WITH_KEY)


def add(started: TestClient, text: str) -> int:
    rows = {"rows": [{"text": text, "label": "billing"}]}
    return started.post("/add_data", json=rows, headers={"Idempotency-Key": text}).status_code


def labeled(settings: Settings) -> list[str]:
    engine = open_store(settings)
    rows = read_feedback(engine)
    engine.dispose()
    return [row.text for row in rows]


def test_a_run_dir_that_is_lost_serves_again_from_its_backup(
    settings: Settings, tmp_path: Path
) -> None:
    with client(settings) as started:
        answer = started.post("/predict", json={"text": "where is my parcel?"}).json()
        assert add(started, "before") == 201
        save(settings, to=tmp_path / "backup")  # as it serves
        assert add(started, "after") == 201
    shutil.rmtree(settings.run_dir)

    again = settings.model_copy(update={"run_dir": tmp_path / "again"})
    restore(again, source=tmp_path / "backup")
    with client(again) as started:
        assert started.get("/ready").json()["model_id"] == SECOND
        assert started.post("/predict", json={"text": "where is my parcel?"}).json() == answer
        assert add(started, "before") == 201  # answered as before, and not added twice
        assert add(started, "after") == 201
        assert started.post("/rollback").json()["model_id"] == FIRST
    assert labeled(again) == ["before", "after"]


def downgrade(settings: Settings) -> None:
    """Make the store what the first version of its tables was."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "common/store/migrations"))
    engine = open_store(settings)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()


def test_what_an_older_version_wrote_serves_on(settings: Settings, make_models: MakeModels) -> None:
    """The first tables, a pointer of the first name, and metrics with what all versions wrote."""
    with client(settings) as started:
        assert add(started, "before") == 201
    downgrade(settings)
    models = settings.paths.models
    (models / POINTER).write_text(json.dumps({"experiment_id": FIRST}), encoding="utf-8")
    (models / "deployments.jsonl").unlink()
    old = make_models(model_id=FIRST, macro_f1_held_out=None) / FIRST
    shutil.rmtree(models / FIRST)
    shutil.copytree(old, models / FIRST)

    with client(settings) as started:
        assert started.get("/ready").json()["model_id"] == FIRST
        assert started.get("/experiments").status_code == 200
        assert started.get("/drift").status_code == 200
        assert add(started, "after") == 201
        assert started.post("/retrain").status_code == 202
    assert labeled(settings) == ["before", "after"]


def test_the_store_in_postgresql_comes_back_by_its_own_programs(
    settings: Settings, postgresql: str, tmp_path: Path
) -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("pg_")]
    assert len(lines) == 2
    address = emptied(postgresql)
    here = settings.model_copy(update={"store": StoreSettings(url=SecretStr(address))})
    with client(here) as started:
        assert add(started, "before") == 201

    def run(line: str) -> None:
        environment = {"PATH": f"{programs()}:/usr/bin:/bin", "DATABASE_URL": address}
        subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, check=True, timeout=60)

    run(lines[0])
    with closing(psycopg.connect(address, autocommit=True)) as connection:
        connection.execute("DELETE FROM feedback")
    run(lines[1])
    assert labeled(here) == ["before"]
