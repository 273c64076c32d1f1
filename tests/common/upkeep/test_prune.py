"""What `make prune` removes, what it leaves, and what a kill or another command changes."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.errors import TriageError
from common.models import journal
from common.models.deployment import one_move_at_a_time, roll_back
from common.models.journal import Deployment
from common.models.registry import POINTER, production_id
from common.stage.manifest import Manifest
from common.stage.plan import plan_stage
from common.stage.run import run_stage_once, single_writer
from common.tracking.records import RunRecord, spool
from common.upkeep import items
from common.upkeep import prune as module
from common.upkeep.lock import one_upkeep_at_a_time
from common.upkeep.prune import prune
from tests.common.upkeep.conftest import Move, Train, built


class Killed(BaseException):
    pass


def names(folder: Path) -> set[str]:
    """What a person sees of a folder."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def files(settings: Settings) -> set[Path]:
    found = settings.run_dir.rglob("*")
    return {path for path in found if path.is_file() and path.suffix != ".lock"}


def models_left(settings: Settings) -> set[str]:
    known = {POINTER, journal.JOURNAL, "cards", "verdicts", "spool"}
    return names(settings.paths.models) - known


def test_the_newest_and_what_serves_stay(settings: Settings, train: Train, move: Move) -> None:
    ids = train(6)
    move(ids[0])
    prune(settings, keep=2, remove=True)
    assert models_left(settings) == {ids[0], ids[4], ids[5]}
    assert production_id(settings.paths.models) == ids[0]


def test_all_that_is_a_models_goes_with_it(settings: Settings, train: Train) -> None:
    ids = train(2)
    prune(settings, keep=1, remove=True)
    paths = settings.paths
    for folder in (paths.models / "cards", paths.models / "verdicts", paths.tensorboard):
        assert {name[:12] for name in names(folder)} == {ids[1]}


def test_a_rollback_finds_as_many_models_as_are_kept(
    settings: Settings, train: Train, move: Move
) -> None:
    ids = train(7)
    move(*ids[:5])
    prune(settings, keep=2, remove=True)
    # What serves, two that served before it, and the two newest.
    assert models_left(settings) == {ids[2], ids[3], ids[4], ids[5], ids[6]}
    assert roll_back(settings.paths.models, by="ada") == ids[3]
    assert roll_back(settings.paths.models, by="ada") == ids[2]


def test_after_a_rollback_the_way_back_and_the_way_forward_stay(
    settings: Settings, train: Train, move: Move
) -> None:
    ids = train(7)
    move(*ids[:4])
    move(ids[1], action="rollback")  # 0 is before it now; 3, then 2 served last
    prune(settings, keep=1, remove=True)
    assert models_left(settings) == {ids[0], ids[1], ids[3], ids[6]}


def test_a_move_that_was_killed_before_the_pointer_keeps_both_models(
    settings: Settings, train: Train, move: Move
) -> None:
    ids = train(4)
    move(ids[0])
    entry = Deployment(action="promote", before=ids[0], to=ids[1], by="ada")
    journal.append(settings.paths.models, entry)
    prune(settings, keep=1, remove=True)
    assert models_left(settings) == {ids[0], ids[1], ids[3]}


def test_a_model_that_waits_for_its_upload_stays(settings: Settings, train: Train) -> None:
    ids = train(3)
    record = RunRecord(
        stage="d_training", pipeline="p", profile="sample", document="d", content={}, model=ids[0]
    )
    spool(settings, record)
    prune(settings, keep=1, remove=True)
    assert models_left(settings) == {ids[0], ids[2]}


def test_a_list_changes_nothing_and_says_what_goes_and_why_the_rest_stays(
    settings: Settings, train: Train, move: Move
) -> None:
    ids = train(3)
    move(ids[0])
    before = files(settings)
    found = prune(settings, keep=1, remove=False)
    shown = {item.name: item.stays for item in found}
    assert shown == {
        f"models/{ids[0]}": "serves",
        f"models/{ids[1]}": None,
        f"models/{ids[2]}": "one of the newest 1",
    }
    assert files(settings) == before


def test_bytes_are_those_that_a_removal_frees(tmp_path: Path) -> None:
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/one").write_bytes(b"x" * 1_000)
    (tmp_path / "folder/deep/two").write_bytes(b"x" * 234)
    (tmp_path / "other").write_bytes(b"x" * 50_000)
    (tmp_path / "folder/shared").hardlink_to(tmp_path / "other")
    found = items.measured("f", [tmp_path / "folder", tmp_path / "absent"], stays=None)
    assert (found.bytes, found.paths) == (1_234, (tmp_path / "folder",))
    assert items.report_lines([found, found._replace(bytes=2_500_000_000, stays="serves")]) == [
        "goes: 1.2 kB",
        "     1.2 kB  f",
        "stays: 2.5 GB",
        "     2.5 GB  f  (serves)",
    ]


@pytest.mark.parametrize("deleted", [0, 1, 3])
def test_a_killed_prune_leaves_no_half_model_and_the_next_one_ends_it(
    settings: Settings, train: Train, move: Move, monkeypatch: pytest.MonkeyPatch, deleted: int
) -> None:
    ids = train(5)
    move(ids[0])
    done = 0

    def delete(path: Path) -> None:
        nonlocal done
        if done == deleted:
            if path.is_dir():  # half of it is gone
                next(file for file in path.rglob("*") if file.is_file()).unlink()
            raise Killed
        done += 1
        items.delete(path)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(module, "delete", delete)
        prune(settings, keep=1, remove=True)
    assert models_left(settings) == {ids[0], ids[4]}

    found = prune(settings, keep=1, remove=True)
    assert [item.name for item in found if item.stays is None] == ["what a killed prune left"]
    assert models_left(settings) == {ids[0], ids[4]}
    assert list(settings.run_dir.rglob("*.pruned")) == []


@pytest.mark.parametrize("hidden", [0, 1, 2, 3])
def test_a_prune_that_is_killed_between_a_model_and_its_cards_is_ended_by_the_next(
    settings: Settings, train: Train, monkeypatch: pytest.MonkeyPatch, hidden: int
) -> None:
    ids = train(2)
    rename, done = Path.rename, 0

    def killing(path: Path, target: Path) -> Any:
        nonlocal done
        if str(target).endswith(".pruned"):
            if done == hidden:
                raise Killed
            done += 1
        return rename(path, target)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", killing)
        prune(settings, keep=1, remove=True)
    prune(settings, keep=1, remove=True)
    left = [path for path in settings.run_dir.rglob("*") if not path.name.endswith(".lock")]
    assert not [path for path in left if ids[0] in str(path) or path.name.endswith(".pruned")]
    assert models_left(settings) == {ids[1]}


def test_what_another_command_writes_stays(settings: Settings, train: Train) -> None:
    ids = train(2)
    with single_writer(settings.paths.models / ids[0]):
        found = prune(settings, keep=1, remove=True)
    assert {item.name: item.stays for item in found}[f"models/{ids[0]}"] == (
        "another command is at work on it"
    )
    assert models_left(settings) == set(ids)


def test_no_model_goes_while_another_is_deployed(
    settings: Settings, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = train(2)
    monkeypatch.setattr("common.models.deployment._LOCK_S", 0.1)
    with one_move_at_a_time(settings.paths.models), pytest.raises(TriageError, match="try again"):
        prune(settings, keep=1, remove=True)
    assert models_left(settings) == set(ids)


def test_of_interrupted_trainings_the_last_one_can_go_on(settings: Settings, train: Train) -> None:
    train(1)
    paths, old, last = settings.paths, "0" * 12, "1" * 12
    for age, name in ((200, old), (100, last)):
        for folder in (paths.snapshots, paths.tensorboard):
            (folder / name).mkdir(parents=True)
            (folder / name / "file").touch()
        os.utime(paths.snapshots / name, (1_000 - age, 1_000 - age))
    staging = paths.models / f".{old}.staging-{old}"
    staging.mkdir()
    prune(settings, keep=1, remove=True)
    assert names(paths.snapshots) == {last}
    assert last in names(paths.tensorboard) and old not in names(paths.tensorboard)
    assert not staging.exists()


def test_of_the_data_what_is_linked_stays_and_shards_that_labeling_goes_on_with(
    settings: Settings,
) -> None:
    data = settings.paths.raw.parent
    for name in ("raw.a", "raw.b", ".raw.staging-c", "labeled.a", ".labeled.staging-b", "mine"):
        (data / name).mkdir(parents=True)
    (data / "raw").symlink_to("raw.b")
    (data / "labeled").symlink_to("labeled.a")
    prune(settings, keep=5, remove=True)
    assert names(data) == {"raw", "raw.b", "labeled", "labeled.a", "mine"}
    assert (data / ".labeled.staging-b").is_dir()
    assert not (data / ".raw.staging-c").exists()


def test_data_that_a_command_writes_stay(settings: Settings) -> None:
    data = settings.paths.raw.parent
    (data / ".raw.staging-a").mkdir(parents=True)
    (data / "raw.a").mkdir()
    with single_writer(settings.paths.raw):
        prune(settings, keep=1, remove=True)
    assert (data / ".raw.staging-a").is_dir() and (data / "raw.a").is_dir()


def cache(settings: Settings, stage: str, *numbers: int) -> list[str]:
    """Keys of caches, the one used last first."""
    made: list[Manifest] = []
    for age, number in enumerate(numbers):
        plan = plan_stage(stage, code=(), settings=number, inputs=[])
        folder = settings.paths.cache / "onnx" / plan.key
        made.append(run_stage_once(plan, folder=folder, build=built))
        os.utime(folder, (1_000 - age, 1_000 - age))
    return [manifest.key for manifest in made]


def test_of_each_kind_of_cache_what_was_used_last_stays(settings: Settings) -> None:
    encoders = cache(settings, "export-encoder", 1, 2, 3)
    classifiers = cache(settings, "export-classifier", 1)
    for name in ("kaggle", "huggingface"):
        (settings.paths.cache / name).mkdir()
    plan = plan_stage("export-encoder", code=(), settings=3, inputs=[])
    run_stage_once(plan, folder=settings.paths.cache / "onnx" / plan.key, build=built)
    prune(settings, keep=2, remove=True)
    left = {encoders[0], encoders[2], classifiers[0]}
    assert names(settings.paths.cache / "onnx") == left
    assert names(settings.paths.cache) >= {"kaggle", "huggingface", "onnx"}


def test_caches_stay_while_messages_are_labeled(settings: Settings) -> None:
    keys = cache(settings, "export-encoder", 1, 2)
    settings.paths.labeled.parent.mkdir(parents=True)
    with single_writer(settings.paths.labeled):
        prune(settings, keep=1, remove=True)
    assert names(settings.paths.cache / "onnx") == set(keys)


def test_what_smoke_runs_left_is_pruned_alike(settings: Settings, train: Train) -> None:
    ids = train(2)
    settings.run_dir.rename(settings.run_dir.with_name("smoke"))
    settings.run_dir.mkdir()
    settings.run_dir.with_name("smoke").rename(settings.paths.smoke)
    found = prune(settings, keep=1, remove=True)
    assert {item.name for item in found if item.stays is None} == {f".smoke/models/{ids[0]}"}
    assert names(settings.paths.smoke / "models") == {ids[1], "cards", "verdicts"}


def test_a_prune_does_not_disturb_a_backup(settings: Settings, train: Train) -> None:
    ids = train(2)
    lock = one_upkeep_at_a_time(settings)
    with lock, pytest.raises(TriageError, match="another prune, backup or restore is at work"):
        prune(settings, keep=1, remove=True)
    assert models_left(settings) == set(ids)


def test_a_run_dir_that_is_not_there_is_not_made(settings: Settings) -> None:
    assert prune(settings, keep=1, remove=True) == []
    assert not settings.run_dir.exists()


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_a_count_is_one_or_more(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prune", "--keep", text])
    with pytest.raises(SystemExit):
        module.main()
    assert "is not a number of models, 1 or more" in capsys.readouterr().err
