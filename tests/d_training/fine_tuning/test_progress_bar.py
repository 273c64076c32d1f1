import logging
import sys

import pytest

from d_training.fine_tuning.progress_bar import ProgressBar


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets; standard error is no terminal."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    return now


def test_a_line_says_loss_speed_and_time_left(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), ProgressBar(4_000, done=1_000) as shown:
        shown.step(500, loss=0.5)
        clock[0] += 10
        shown.step(500, loss=0.5)
    # 1,000 texts in ten seconds; what an earlier run did is no speed of this one.
    assert caplog.messages == ["training: 2,000 of 4,000 texts, loss 0.500, 100 texts/s, 20 s left"]


def test_a_process_that_is_not_the_main_one_keeps_silent(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), ProgressBar(4_000, shown=False) as silent:
        clock[0] += 60
        silent.step(500, loss=0.5)
    assert caplog.messages == []
