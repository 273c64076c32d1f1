import logging
from pathlib import Path

import pytest
import torch

from d_training.fine_tuning.snapshot import load_snapshot, save_snapshot

WEIGHTS = {"w": torch.tensor([[1.5, -2.0]]), "step": torch.tensor(3.0)}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    save_snapshot(tmp_path / "new", step=3, tensors=WEIGHTS, state={"losses": [0.1, 1e-17]})
    found = load_snapshot(tmp_path / "new")
    assert found is not None
    assert found.state == {"losses": [0.1, 1e-17]}
    assert found.tensors["w"].tolist() == [[1.5, -2.0]]
    assert found.tensors["step"].item() == 3.0


def test_only_the_last_one_stays(tmp_path: Path) -> None:
    for step in (9, 10, 200):
        save_snapshot(tmp_path, step=step, tensors=WEIGHTS, state={"step": step})
    assert [path.name[:10] for path in tmp_path.iterdir()] == ["000000200-"]


def test_a_kill_before_the_older_one_is_removed_leaves_two_and_the_newer_counts(
    tmp_path: Path,
) -> None:
    save_snapshot(tmp_path, step=9, tensors=WEIGHTS, state={"step": 9})
    (older,) = tmp_path.iterdir()
    content = older.read_bytes()
    save_snapshot(tmp_path, step=10, tensors=WEIGHTS, state={"step": 10})
    older.write_bytes(content)
    (tmp_path / ".part").write_bytes(b"half of")
    found = load_snapshot(tmp_path)
    assert found is not None
    assert found.state == {"step": 10}


def test_none_and_damaged_ones_mean_a_new_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_snapshot(tmp_path / "missing") is None
    save_snapshot(tmp_path, step=1, tensors=WEIGHTS, state={})
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with caplog.at_level(logging.WARNING):
        assert load_snapshot(tmp_path) is None
    assert "is damaged; training starts anew" in caplog.text
