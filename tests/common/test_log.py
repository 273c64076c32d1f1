import io
import logging
import sys

import pytest

from common import log
from common.log import progress


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_passes_everything_on(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(shown, "isatty", lambda: terminal, raising=False)
    seen = list(progress([b"abc", b"de"], total=5, what="bytes", unit="B", size=len))
    assert seen == [b"abc", b"de"]
    assert ("bytes" in shown.getvalue()) is terminal


def test_lines_elsewhere_count_what_size_says(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log, "_LINE_EVERY_S", 0.0)
    with caplog.at_level(logging.INFO):
        assert list(progress(iter("ab"), total=None, what="letters")) == ["a", "b"]
        list(progress([b"abc", b"de"], total=5, what="bytes", unit="B", size=len))
    shown = [message.rpartition(",")[0] for message in caplog.messages]
    assert shown == ["letters: 1 it", "letters: 2 it", "bytes: 3 of 5 B", "bytes: 5 of 5 B"]
