"""How much a command writes: settings.log."""

import io
import logging
import subprocess
import sys

import pytest

from common.log import progress

SCRIPT = """
import logging, sys
from common.log import configure_logging, progress
configure_logging(sys.argv[1])
ours, theirs = logging.getLogger("d_training.fit"), logging.getLogger("somelibrary")
for logger in (ours, theirs):
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("%s %s", logger.name, level)
"""


def lines(log: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, log], capture_output=True, text=True, check=True
    )
    return [line.partition(" ")[2] for line in done.stderr.splitlines()]


def test_quiet_shows_errors_alone() -> None:
    assert lines("quiet") == ["error: d_training.fit error", "error: somelibrary error"]


def test_normal_shows_no_details_and_no_names_of_loggers() -> None:
    assert lines("normal") == [
        "d_training.fit info",
        "warning: d_training.fit warning",
        "error: d_training.fit error",
        "somelibrary info",
        "warning: somelibrary warning",
        "error: somelibrary error",
    ]


def test_verbose_shows_our_details_with_the_names_of_loggers() -> None:
    shown = lines("verbose")
    assert shown[0] == "d_training.fit: d_training.fit debug"
    assert "somelibrary: somelibrary debug" not in shown
    assert "somelibrary: warning: somelibrary warning" in shown


def test_quiet_draws_no_bar(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(shown, "isatty", lambda: True, raising=False)
    with caplog.at_level(logging.ERROR, "common.log"):
        assert list(progress(iter("ab"), total=2, what="letters")) == ["a", "b"]
    assert shown.getvalue() == ""
