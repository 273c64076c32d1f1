import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.config.settings import describe, environment_of, load_settings
from common.config.store import StoreSettings
from common.config.tracking import TrackingSettings
from common.errors import SettingsError
from tests.names import COLUMNS, FILES


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
    assert (sample.ingestion.source, sample.classification.teacher) == ("sample", "embedding")
    assert (full.ingestion.source, full.classification.teacher) == ("kaggle", "ensemble")
    teacher = full.classification
    revisions = [teacher.embedding.revision, teacher.nli.revision, teacher.nli.gpu_revision]
    assert all([*revisions, full.training.revision]), "hub models are pinned"


def test_a_gpu_gets_its_own_nli_checkpoint() -> None:
    chosen = load_settings(profile="full", environ={}).settings.classification
    assert chosen.on("cpu").nli.checkpoint == "MoritzLaurer/deberta-v3-xsmall-zeroshot-v1.1-all-33"
    assert chosen.on("cuda").nli.checkpoint == "MoritzLaurer/deberta-v3-large-zeroshot-v2.0"
    assert chosen.on("cuda").nli.revision == "cf44676c28ba7312e5c5f8f8d2c22b3e0c9cdae2"
    same = load_settings(profile="sample", environ={}).settings.classification
    assert same.on("cuda") == same.on("cpu") == same


TEXTS = [*COLUMNS, *FILES, "0012", "12:30", "tickets #2.csv", "{a: b}", "[1", "- x", "1e5", "~x"]


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_names_stay_as_they_are_written(root: Path, text: str) -> None:
    environ = {"TRIAGE_INGESTION__CSV": f"/in/{text}", "TRIAGE_INGESTION__TEXT_COLUMN": text}
    overrides = [f"run_dir=/runs/{text}", f"store.url={text}", f"ingestion.sheet={text}"]
    chosen = load_settings(root=root, environ=environ, overrides=overrides).settings

    assert chosen.ingestion.csv == Path(f"/in/{text}")
    assert chosen.ingestion.text_column == text
    assert chosen.run_dir == Path(f"/runs/{text}")
    assert chosen.store.url == SecretStr(text)
    assert chosen.ingestion.sheet == text


def test_words_to_choose_from_are_texts_and_the_rest_is_yaml(root: Path) -> None:
    overrides = [
        "training.max_rows=null", "training.epochs=7", "tracking.enabled=no", "store.poll_s=1e-3",
        "serving.cors_origins=[https://a.example]", "tuning.learning_rate=[1e-5, 1e-3]",
    ]  # fmt: skip
    chosen = load_settings(root=root, environ={}, overrides=overrides).settings
    assert (chosen.training.max_rows, chosen.training.epochs) == (None, 7)
    assert (chosen.tracking.enabled, chosen.store.poll_s) == (False, 0.001)
    assert chosen.serving.cors_origins == ("https://a.example",)
    assert chosen.tuning.learning_rate == (1e-5, 1e-3)
    with pytest.raises(SettingsError, match=r"serving.engine = 'null' \(from --set\)"):
        load_settings(root=root, environ={}, overrides=["serving.engine=null"])


def test_an_empty_text_is_null_where_it_may_be(root: Path) -> None:
    (root / "conf/base.yaml").write_text("ingestion: {csv: in.csv, sheet: May}\n")
    empty = {"TRIAGE_INGESTION__CSV": "", "TRIAGE_INGESTION__SHEET": ""}
    chosen = load_settings(root=root, environ=empty).settings.ingestion
    assert (chosen.csv, chosen.sheet) == (None, None)
    with pytest.raises(SettingsError, match=r"ingestion.text_column = ''"):
        load_settings(root=root, environ={}, overrides=["ingestion.text_column="])


@pytest.mark.parametrize("name", ["~", "~ada/x", "12:30 run", "file:x/y"])
def test_no_path_is_a_home_or_an_address(root: Path, name: str) -> None:
    chosen = load_settings(root=root, environ={"TRIAGE_RUN_DIR": name}).settings
    assert chosen.run_dir == Path.cwd() / name


def test_a_path_that_is_not_utf8_is_refused(root: Path) -> None:
    environ = {"TRIAGE_RUN_DIR": os.fsdecode(b"caf\xe9")}
    with pytest.raises(SettingsError, match="the name is not UTF-8; rename the file or folder"):
        load_settings(root=root, environ=environ)


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_another_process_gets_every_text(text: str) -> None:
    chosen = Settings(
        run_dir=Path("/runs") / text,
        ingestion=IngestionSettings(text_column=text, csv=Path("/in") / text, sheet=text),
        store=StoreSettings(url=SecretStr(text)),
    )
    loaded = load_settings(environ=environment_of(chosen)).settings
    assert (loaded.run_dir, loaded.store) == (chosen.run_dir, chosen.store)
    assert loaded.ingestion == chosen.ingestion


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


def test_a_value_may_come_from_a_file(root: Path) -> None:
    files = {
        "DATABASE_URL_FILE": "postgresql://ada:hidden@db/x\n",
        "TRIAGE_SERVING__API_KEYS_FILE": f"# people\nada:{'0' * 64}\nbob:{'1' * 64}\n",
        "TRIAGE_INGESTION__TEXT_COLUMN_FILE": " two\nlines\n\n",
        "TRIAGE_PROFILE_FILE": "full\n",
    }
    for name, content in files.items():
        (root / name).write_text(content)
    environ = {name: str(root / name) for name in files} | {"TRIAGE_TRACKING__URI_FILE": ""}
    # A setting of its own, whose name happens to end so.
    environ["TRIAGE_INGESTION__KAGGLE__FILE"] = "twcs.csv"
    (root / ".env").write_text("TRIAGE_STORE__POLL_S=7\n")

    loaded = load_settings(root=root, environ=environ)

    chosen = loaded.settings
    assert chosen.store.url == SecretStr("postgresql://ada:hidden@db/x")
    assert chosen.serving.api_keys == ("ada:" + "0" * 64, "bob:" + "1" * 64)
    assert chosen.ingestion.text_column == " two\nlines\n"
    assert (chosen.profile, chosen.training.epochs) == ("full", 9)
    assert chosen.ingestion.kaggle.file == "twcs.csv"
    assert chosen.tracking.uri is None
    assert loaded.sources["store.url"] == "environment"


def test_the_environment_decides_over_a_file_that_dotenv_names(root: Path) -> None:
    (root / "url").write_text("postgresql://db/dotenv")
    (root / ".env").write_text(f"TRIAGE_STORE__URL_FILE={root / 'url'}\n")
    assert load_settings(root=root, environ={}).settings.store.url == SecretStr(
        "postgresql://db/dotenv"
    )
    environ = {"TRIAGE_STORE__URL": "postgresql://db/environment"}
    assert load_settings(root=root, environ=environ).settings.store.url == SecretStr(
        "postgresql://db/environment"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"DATABASE_URL_FILE=.*/url can't be read: No such file or directory"),
        (b"\xff", r"DATABASE_URL_FILE=.*/url can't be read: it is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(root: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (root / "url").write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        load_settings(root=root, environ={"DATABASE_URL_FILE": str(root / "url")})


def test_a_value_and_a_file_of_it_are_one_too_many(root: Path) -> None:
    (root / "url").write_text("postgresql://ada:hidden@db/x")
    environ = {"TRIAGE_STORE__URL": "postgresql://db/y"}
    environ["TRIAGE_STORE__URL_FILE"] = str(root / "url")
    with pytest.raises(SettingsError) as caught:
        load_settings(root=root, environ=environ)
    assert str(caught.value) == (
        "TRIAGE_STORE__URL and TRIAGE_STORE__URL_FILE are both set; leave one of them"
    )
