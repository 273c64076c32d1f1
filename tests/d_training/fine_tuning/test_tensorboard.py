from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from d_training.fine_tuning.tensorboard import EventWriter


def curves(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(e.step, pytest.approx(e.value, abs=1e-6)) for e in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_curves_are_over_texts_and_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    with EventWriter(tmp_path, start=0) as board:
        board.step(16, loss=1.0, learning_rate=0.1)
        board.step(32, loss=0.9, learning_rate=0.2)
        board.look(32, validation_loss=0.8)
    with EventWriter(tmp_path, start=16) as board:
        board.step(30, loss=0.7, learning_rate=0.3)
    found = curves(tmp_path)
    assert found["loss/training"] == [(16, 1.0), (30, 0.7)]
    assert found["learning_rate"] == [(16, 0.1), (30, 0.3)]
    assert "loss/validation" not in found or found["loss/validation"] == []
    assert [texts for texts, _ in found["texts_per_second"]] == [16, 30]


def test_validation_loss_is_there(tmp_path: Path) -> None:
    with EventWriter(tmp_path, start=0) as board:
        board.look(16, validation_loss=0.5)
    assert curves(tmp_path)["loss/validation"] == [(16, 0.5)]


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with EventWriter(None, start=0) as board:
        board.step(16, loss=1.0, learning_rate=0.1)
        board.look(16, validation_loss=0.5)
    assert list(tmp_path.iterdir()) == []
