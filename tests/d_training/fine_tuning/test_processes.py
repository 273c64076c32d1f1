"""Two processes that train together end where one alone does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common.config.schema import Settings
from common.errors import SettingsError
from common.models.registry import require_production_id
from d_training import run
from d_training.fine_tuning.processes import ALONE, Processes, launched, own_device
from tests.d_training.conftest import Toy

ROOT = Path(__file__).resolve().parents[3]


def test_shares_of_a_batch_are_even_and_leave_nothing_out() -> None:
    batch = np.array([3, 1, 4, 1, 5])
    assert [Processes(r, 2).share(batch).tolist() for r in (0, 1)] == [[3, 4, 5], [1, 1]]
    assert [len(Processes(r, 4).share(batch[:2])) for r in range(4)] == [1, 1, 0, 0]


def test_the_launcher_says_who_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert launched() == ALONE == Processes(0, 1)
    assert launched().main
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert launched() == Processes(3, 4)
    assert not launched().main


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device("cuda") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(SettingsError, match="process 3 of this machine has no GPU, there are 2"):
        own_device("cuda")


@pytest.fixture(scope="module")
def sure_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint without dropout, whose draws differ from process to process."""
    folder = tmp_path_factory.mktemp("sure") / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def together(settings: Any, launcher: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the stage in two processes of one thread each."""
    options = {f"training.{k}": v for k, v in settings.training.model_dump(mode="json").items()}
    options |= {"run_dir": str(settings.run_dir), "labels": str(settings.labels)}
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "d_training", "--profile", "sample",
         *(f"--set={k}={'' if v is None else v}" for k, v in options.items())],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "TRIAGE_LOG": "verbose"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow()
def test_two_processes_end_where_one_does(
    tmp_path: Path,
    make_settings: Callable[..., Settings],
    publish_labeled: Callable[[Path, Sequence[dict[str, Any]]], None],
    toy: Toy,
    sure_checkpoint: Path,
) -> None:
    found = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        publish_labeled(tmp_path / name, toy.rows())
        settings = make_settings(
            tmp_path / name, student=str(sure_checkpoint), epochs=8, batch_size=15
        )
        launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        log = ""
        if name == "two":
            log = together(settings, launcher).stderr
        else:
            run(settings)
        models = settings.paths.models
        path = models / require_production_id(models) / "metrics.json"
        found[name] = json.loads(path.read_bytes())
    assert log.count("best validation loss") == 1  # one process tells
    assert log.count("student: cpu, fp32") == 1
    one, two = found["one"]["training"], found["two"]["training"]
    assert two["texts_seen"] == one["texts_seen"]
    for loss in ("train_loss", "validation_loss"):
        assert two["kept"][loss] == pytest.approx(one["kept"][loss], abs=1e-3)
    assert found["two"]["held_out"]["macro_f1"] == found["one"]["held_out"]["macro_f1"]
    again = together(settings, launcher).stderr
    assert again.count("d_training: inputs, settings and code unchanged, nothing to do") == 1
