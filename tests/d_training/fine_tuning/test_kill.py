"""A run killed at any point leaves a model that serves, or none; the next run ends with one."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.models.registry import production_id, verified_manifest
from common.stage.manifest import Manifest
from d_training import run
from tests.d_training.conftest import Toy

ROOT = Path(__file__).resolve().parents[3]
CODE = (
    "import sys; from common.log import configure_logging;"
    "from common.config.schema import Settings;"
    "from d_training import run; configure_logging();"
    "run(Settings.model_validate_json(sys.argv[1]))"
)


def kill_when(settings: Any, ready: Callable[[], bool]) -> None:
    """Start training, SIGKILL it as soon as ``ready``."""
    with (settings.run_dir / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, settings.model_dump_json()],
            cwd=ROOT, stderr=log, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 200
    while not ready():
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "nothing to kill in 200 seconds"
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_again(settings: Any) -> str:
    run(settings)
    experiment = production_id(settings.paths.models)
    assert experiment is not None
    verified_manifest(settings.paths.models, experiment)
    assert not list(settings.paths.models.glob(".*staging*"))
    return experiment


@pytest.mark.slow()
def test_killed_while_training(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same command goes on from the last snapshot, to the weights of an undisturbed run."""
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    for run_dir in (killed, undisturbed):
        run_dir.mkdir()
        publish_labeled(run_dir, toy.rows())
    snapshots = killed / ".cache" / "training"
    settings = make_settings(killed, snapshot_every_s=0.2, patience=99)
    kill_when(settings, lambda: bool(list(snapshots.glob("*/0000001*.safetensors"))))
    assert "best validation loss" not in (killed / "log").read_text(encoding="utf-8")
    assert production_id(settings.paths.models) is None

    with caplog.at_level(logging.INFO):
        resumed = run(settings)
    assert "training goes on after" in caplog.text
    assert list(snapshots.iterdir()) == []
    # Where snapshots are, and how often they are taken, names no other experiment.
    whole = run(make_settings(undisturbed, patience=99))
    assert whole.key == resumed.key
    file = f"models/{whole.key}/checkpoint/model.safetensors"
    assert (killed / file).read_bytes() == (undisturbed / file).read_bytes()


@pytest.mark.slow()
@pytest.mark.parametrize(
    "reached", [".*staging*/model.onnx", ".*staging*/model.int8.onnx", "cards/.*staging*/plots/*"]
)
def test_killed_while_filling_the_folder(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    reached: str,
) -> None:
    publish_labeled(tmp_path, toy.rows())
    settings = make_settings(tmp_path)
    kill_when(settings, lambda: bool(list((tmp_path / "models").glob(reached))))
    assert production_id(settings.paths.models) is None
    run_again(settings)


@pytest.mark.slow()
def test_killed_between_publishing_and_promoting(
    trained: tuple[Settings, Manifest], make_settings: Callable[..., Settings]
) -> None:
    settings, manifest = trained
    models, first = settings.paths.models, manifest.key
    assert production_id(models) == first
    changed = make_settings(settings.run_dir, epochs=15)

    def finished() -> set[str]:
        return {p.parent.name for p in models.glob("[0-9a-f]*/manifest.json")} - {first}

    kill_when(changed, lambda: bool(finished()))
    serving = production_id(models)
    assert serving in {first, *finished()}
    verified_manifest(models, serving)
    assert run_again(changed) in finished()
