"""A study on the toy task: its trials, a kill in between, and a model trained with its best."""

import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.config.tracking import TrackingSettings
from common.config.tuning import TuningSettings
from common.errors import DataError, TriageError
from common.models.metrics import Tuned
from common.models.registry import cards_folder
from common.tracking.records import read_record, spooled
from d_training import run
from d_training.report.page import write_report
from d_training.tracking.sync import sync
from d_training.tuning.plan import study_plan
from d_training.tuning.study import find_best, opened_study
from d_training.tuning.tune import tune
from tests.d_training.conftest import Toy

ROOT = Path(__file__).resolve().parents[3]
QUICK = {"learning_rate": 5e-3, "epochs": 3, "schema_sentences": False}
SEARCH = {
    "trials": 3, "startup_trials": 2, "learning_rate": (1e-3, 1e-2), "batch_size": (16, 32),
    "weight_decay": None, "warmup_share": None, "epochs": None,
}  # fmt: skip
CODE = (
    "import sys; from common.log import configure_logging;"
    "from common.config.schema import Settings;"
    "from d_training.tuning.tune import tune; configure_logging();"
    "tune(Settings.model_validate_json(sys.argv[1]));"
    "print(sorted({'torch', 'matplotlib'} & set(sys.modules)))"
)


def best_trial(settings: Settings) -> Tuned:
    return find_best(settings.paths.studies, study_plan(settings).key)


def searching(settings: Settings, **search: Any) -> Settings:
    return settings.model_copy(update={"tuning": TuningSettings(**(SEARCH | search))})


def trials_in(settings: Settings) -> list[tuple[str, float | None]]:
    """(state, validation loss) of each, by number."""
    query = (
        "SELECT state, value FROM trials LEFT JOIN trial_values USING (trial_id) ORDER BY number"
    )
    connection = sqlite3.connect(settings.paths.studies)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def summary(settings: Settings) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((settings.paths.tuning / "study.json").read_bytes())
    return read


@pytest.fixture(scope="module")
def studied(
    tmp_path_factory: pytest.TempPathFactory,
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    make_settings: Callable[..., Settings],
    toy: Toy,
) -> Settings:
    """A run folder with a study of three trials, and the records of them."""
    run_dir = tmp_path_factory.mktemp("studied")
    publish_labeled(run_dir, toy.rows())
    settings = searching(make_settings(run_dir, **QUICK)).model_copy(
        update={"tracking": TrackingSettings(pipeline="run-1", name="tuned")}
    )
    tune(settings)
    return settings


def test_a_study_tries_the_present_settings_first_and_then_others(studied: Settings) -> None:
    found = summary(studied)
    assert [trial["state"] for trial in found["trials"]] == ["whole"] * 3
    assert found["trials"][0]["values"] == {"learning_rate": 5e-3, "batch_size": 16}
    rates = {trial["values"]["learning_rate"] for trial in found["trials"]}
    assert len(rates) == 3
    assert all(1e-3 <= rate <= 1e-2 for rate in rates)
    best = min(found["trials"], key=lambda trial: trial["validation_loss"])
    assert found["best"]["trial"] == best["trial"]
    assert found["best"]["values"] == best["values"]
    assert all(0 < trial["macro_f1"] <= 1 for trial in found["trials"])
    assert set(found["importance"]) == {"learning_rate", "batch_size"}
    for name in ("history.png", "importance.png"):
        assert (studied.paths.tuning / name).read_bytes().startswith(b"\x89PNG")


def test_a_study_that_has_its_trials_does_nothing_and_imports_no_torch(studied: Settings) -> None:
    before = trials_in(studied)
    done = subprocess.run(
        [sys.executable, "-c", CODE, studied.model_dump_json()],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "3 finished trials, nothing to do" in done.stderr
    assert done.stdout.strip() == "[]"
    assert trials_in(studied) == before


# MLflow's own use of SQLAlchemy 2.1, where the store is a file.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
def test_every_trial_is_a_run_below_its_study_and_told_once(studied: Settings) -> None:
    study = find_best(studied.paths.studies, study_plan(studied).key).study
    records = [read_record(path) for path in spooled(studied)]
    assert sorted(record.stage for record in records) == ["trial-0", "trial-1", "trial-2", "tuning"]
    assert {record.pipeline for record in records} == {f"study-{study}"}
    waiting = [(path, path.read_bytes()) for path in spooled(studied)]
    sync(studied)
    for path, content in waiting:
        path.write_bytes(content)
    sync(studied)  # as after a kill before the records were removed

    from common.tracking.client import mlflow_client

    with mlflow_client(studied) as client:
        (experiment,) = client.search_experiments(filter_string="name = 'tuned'")
        runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
        assert sorted(runs) == [f"study-{study}", "trial-0", "trial-1", "trial-2", "tuning"]
        first = runs["trial-0"]
        artifacts = {file.path for file in client.list_artifacts(runs["tuning"].info.run_id)}
    assert first.data.params["training.learning_rate"] == "0.005"
    assert first.data.tags["state"] == "complete"
    assert first.data.tags["mlflow.parentRunId"] == runs[f"study-{study}"].info.run_id
    assert first.data.metrics["validation_loss"] == summary(studied)["trials"][0]["validation_loss"]
    assert artifacts == {"study.json", "history.png", "importance.png"}


@pytest.fixture()
def copied(studied: Settings, tmp_path: Path) -> Settings:
    """A copy of the study, to be added to."""
    folder = tmp_path / "run"
    shutil.copytree(studied.run_dir, folder, symlinks=True)
    return studied.model_copy(
        update={
            "run_dir": folder, "labels": folder / "labels.yaml",
            "tracking": TrackingSettings(enabled=False),
        }
    )  # fmt: skip


def test_more_trials_go_on_with_the_same_study(copied: Settings) -> None:
    before = summary(copied)["trials"]
    tune(searching(copied, trials=4))
    found = summary(copied)
    assert found["trials"][:3] == before
    assert found["finished"] == [best_trial(copied).study, 4]
    assert len(trials_in(copied)) == 4


def test_training_takes_the_best_settings_and_tells_where_they_are_from(
    copied: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    best = best_trial(copied)
    manifest = run(copied, tuned=True)
    folder = copied.paths.models / manifest.key
    facts = json.loads((folder / "metrics.json").read_bytes())
    assert facts["tuning"] == json.loads(json.dumps(best.model_dump()))
    assert manifest.figures["tuning"]["trial"] == best.trial
    card = " ".join(
        (cards_folder(copied.paths.models, manifest.key) / "model_card.md")
        .read_text(encoding="utf-8")
        .split()
    )
    assert f"trial {best.trial} of study {best.study}, the best of 3" in card
    # Of what training looked at, validation loss: the very figure that the trial had.
    assert facts["training"]["kept"]["validation_loss"] == best.validation_loss

    caplog.clear()
    assert run(copied, tuned=True) == manifest
    assert "d_training: inputs, settings and code unchanged, nothing to do" in caplog.text
    # The values name the model, wherever they are from.
    by_hand = copied.training.model_copy(update=best.values)
    assert run(copied.model_copy(update={"training": by_hand})) == manifest


@pytest.mark.parametrize("changed", ["rows", "settings", "ranges"])
def test_a_study_of_other_data_or_settings_is_not_taken(
    copied: Settings,
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    changed: str,
) -> None:
    if changed == "rows":
        publish_labeled(copied.run_dir, toy.rows(100))
    elif changed == "settings":
        training = copied.training.model_copy(update={"max_length": 12})
        copied = copied.model_copy(update={"training": training})
    else:
        copied = searching(copied, batch_size=(16, 64))
    with pytest.raises(DataError, match="holds no finished trial .* run `make tune` first"):
        run(copied, tuned=True)


def test_what_is_searched_may_be_set_otherwise(copied: Settings) -> None:
    """Nor does it matter to a study how many trials are wanted, or what is exported."""
    best = best_trial(copied)
    training = copied.training.model_copy(update={"learning_rate": 1e-4, "max_int8_loss": 0.2})
    assert best_trial(searching(copied, trials=9).model_copy(update={"training": training})) == best


def test_the_report_shows_the_study(copied: Settings) -> None:
    page = write_report(copied).read_text(encoding="utf-8")
    assert f"Study {best_trial(copied).study}, 3 finished trials" in page
    assert page.count("<td>whole</td>") == 3
    assert page.count('src="data:image/png') == 2
    (copied.paths.tuning / "study.json").write_text("{}", encoding="utf-8")
    assert "<h2>Tuning</h2>" not in write_report(copied).read_text(encoding="utf-8")


def test_without_a_study_the_remedy_is_named(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
) -> None:
    publish_labeled(tmp_path, toy.rows())
    with pytest.raises(DataError, match="run `make tune` first"):
        run(make_settings(tmp_path), tuned=True)
    assert not (tmp_path / "models" / "studies.db").exists()


def test_a_damaged_file_is_told(copied: Settings) -> None:
    copied.paths.studies.write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match=r"studies.db is damaged \(file is not a database\)"):
        run(copied, tuned=True)


def test_two_do_not_tune_at_once(copied: Settings) -> None:
    with (
        opened_study(copied.paths.studies, "other"),
        pytest.raises(TriageError, match="another process is"),
    ):
        tune(searching(copied, trials=4))


def test_poor_trials_are_stopped_early(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    publish_labeled(tmp_path, toy.rows())
    # All but the highest rate, which is the present one and so the first, learns nothing.
    settings = searching(
        make_settings(tmp_path, **QUICK), startup_trials=1, spared_looks=1, trials=4,
        learning_rate=(1e-9, 5e-3), batch_size=None,
    )  # fmt: skip
    tune(settings)
    found = summary(settings)
    assert [t["state"] for t in found["trials"]] == ["whole"] + ["stopped early"] * 3
    assert [t["looks"] for t in found["trials"]] == [6, 2, 2, 2]
    assert found["best"]["trial"] == 0
    assert found["importance"] == {}
    assert not (settings.paths.tuning / "importance.png").exists()
    assert caplog.text.count("stopped after 2 looks") == 3
    assert "4 finished trials" in caplog.text


def test_a_trial_that_diverges_is_stopped_and_the_study_goes_on(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_labeled(tmp_path, toy.rows())
    monkeypatch.setattr("d_training.fine_tuning.fit.mean_loss", lambda *_: float("nan"))
    settings = searching(make_settings(tmp_path, **QUICK), trials=2)
    tune(settings)
    assert trials_in(settings) == [("PRUNED", None), ("PRUNED", None)]
    assert summary(settings)["best"] is None
    with pytest.raises(DataError, match="run `make tune` first"):
        run(settings, tuned=True)


def test_settings_outside_the_ranges_and_batches_beyond_memory_end_no_study(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import torch

    caplog.set_level(logging.INFO)
    publish_labeled(tmp_path, toy.rows())

    def fails(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr("d_training.tuning.trials.fit", fails)
    settings = searching(make_settings(tmp_path, **QUICK), trials=1, learning_rate=(1e-4, 1e-3))
    tune(settings)
    assert (
        "training.learning_rate = 0.005 lies outside tuning.learning_rate, untried" in caplog.text
    )
    assert "trial 0: stopped, the GPU's memory does not suffice" in caplog.text
    (trial,) = summary(settings)["trials"]
    assert (trial["state"], trial["looks"]) == ("stopped early", 0)
    assert 1e-4 <= trial["values"]["learning_rate"] <= 1e-3


@pytest.mark.slow()
def test_a_killed_study_goes_on_where_it_was(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    studied: Settings,
) -> None:
    publish_labeled(tmp_path, toy.rows())
    settings = searching(make_settings(tmp_path, **QUICK))
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, settings.model_dump_json()],
            cwd=ROOT, stderr=log, stdout=log, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (
        settings.paths.studies.exists()
        and "trial 1:" in (tmp_path / "log").read_text(encoding="utf-8")
    ):
        assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
        assert time.monotonic() < deadline, "no second trial in 120 seconds"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed = trials_in(settings)
    assert [state for state, _ in killed] == ["COMPLETE", "RUNNING"]

    tune(settings)
    trials = trials_in(settings)
    assert [state for state, _ in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert trials[0] == killed[0]
    # What was killed is drawn again: the same trials as those of a study that nobody killed.
    told = ("values", "validation_loss", "macro_f1", "looks")
    assert [[t[key] for key in told] for t in summary(settings)["trials"]] == [
        [t[key] for key in told] for t in summary(studied)["trials"]
    ]


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"learning_rate": (1e-3, 1e-4)}, "must rise"),
        ({"learning_rate": (0.5, 2)}, "training.learning_rate can't be 2.0: Input should be less"),
        ({"weight_decay": (0, 0.1)}, "must start above 0"),
        ({"batch_size": ()}, "must rise"),
        ({"batch_size": (0, 8)}, "training.batch_size can't be 0"),
        ({"epochs": (1, 200)}, "training.epochs can't be 200"),
        ({"learning_rate": None, "batch_size": None}, "at least one range must not be null"),
    ],
)
def test_ranges_are_checked(search: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TuningSettings(**(SEARCH | search))


def test_several_processes_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "d_training", "tune"], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"RANK": "1", "WORLD_SIZE": "2"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "tune runs in one process; start it without torchrun" in done.stderr
