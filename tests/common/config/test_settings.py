from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from common.config.schema import Settings
from common.config.settings import describe, environment_of, load_settings
from common.config.store import StoreSettings
from common.config.tracking import TrackingSettings
from common.errors import SettingsError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/base.yaml").write_text("seed: 1\ntraining: {epochs: 1, batch_size: 8}\n")
    (tmp_path / "conf/sample.yaml").write_text("training: {epochs: 2}\n")
    (tmp_path / "conf/full.yaml").write_text("training: {epochs: 9}\n")
    return tmp_path


def test_later_layers_win(root: Path) -> None:
    def epochs(**arguments: Any) -> Any:
        return load_settings(root=root, environ=environ, **arguments).settings.training.epochs

    environ: dict[str, str] = {}
    assert epochs() == 2
    assert epochs(profile="full") == 9
    (root / ".env").write_text("TRIAGE_TRAINING__EPOCHS=3\n")
    assert epochs() == 3
    environ = {"TRIAGE_TRAINING__EPOCHS": "4"}
    assert epochs() == 4
    assert epochs(overrides=["training.epochs=5"]) == 5


def test_profile_comes_from_the_environment(root: Path) -> None:
    assert load_settings(root=root, environ={"TRIAGE_PROFILE": "full"}).settings.profile == "full"


def test_each_value_names_its_source(root: Path) -> None:
    loaded = load_settings(root=root, environ={"TRIAGE_SEED": "5"})
    lines = describe(loaded)
    assert "seed = 5  # environment" in lines
    assert "training.epochs = 2  # conf/sample.yaml" in lines
    assert "training.batch_size = 8  # conf/base.yaml" in lines
    assert "serving.port = 8000  # default" in lines


@pytest.mark.parametrize(
    ("environ", "overrides", "said"),
    [
        ({}, ["training.epoch=3"], "training.epoch (from --set) is not a setting"),
        ({"TRIAGE_TRAINING__EPOCHS": "0"}, [], "training.epochs = 0 (from environment): "),
        ({}, ["serving.port=high"], "serving.port = 'high' (from --set): "),
        ({}, ["training.epochs"], "--set 'training.epochs' must read key.path=value"),
        ({"TRIAGE_PROFILE": "big"}, [], "profile 'big' is not one of: sample, full"),
        ({}, ["seed.x=3"], "seed.x: seed is a value, not a section"),
    ],
)
def test_bad_settings_name_key_value_and_source(
    root: Path, environ: dict[Any, Any], overrides: list[Any], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(root=root, environ=environ, overrides=overrides)
    assert said in str(caught.value)


def test_damaged_file_is_named(root: Path) -> None:
    (root / "conf/base.yaml").write_text("seed: [1\n")
    with pytest.raises(SettingsError, match=r"conf/base\.yaml is not YAML"):
        load_settings(root=root, environ={})


def test_shipped_profiles_are_valid() -> None:
    sample = load_settings(profile="sample", environ={}).settings
    full = load_settings(profile="full", environ={}).settings
    assert (sample.ingestion.source, sample.classification.teacher) == ("sample", "ensemble")
    assert (full.ingestion.source, full.classification.teacher) == ("kaggle", "nli")
    assert full.classification.nli.revision and full.training.revision, "hub models are pinned"


def test_another_process_gets_the_same_settings_but_a_run_of_its_own() -> None:
    chosen = Settings(
        run_dir=Path("runs/ß"),
        store=StoreSettings(url=SecretStr("postgresql://ada:hidden@db/x"), poll_s=1e-5),
        tracking=TrackingSettings(enabled=False, pipeline="run-1"),
    )
    loaded = load_settings(environ=environment_of(chosen)).settings
    paths = {"run_dir": Path.cwd() / "runs/ß", "labels": Path.cwd() / "conf/labels.yaml"}
    own = {"tracking": TrackingSettings(enabled=False)}
    assert loaded == chosen.model_copy(update=paths | own)
