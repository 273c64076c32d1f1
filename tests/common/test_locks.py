"""Readers share, and who replaces waits for them."""

import logging
import threading
from pathlib import Path

import pytest

from common.locks import reading, replacing


def wait_for(caplog: pytest.LogCaptureFixture, text: str) -> None:
    for _ in range(500):
        if text in caplog.text:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"nobody logged {text!r}")


def test_readers_share_and_a_replacement_waits_for_the_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    output, events = tmp_path / "raw", []

    def replace() -> None:
        with replacing(output):
            events.append("replaced")

    writer = threading.Thread(target=replace)
    with reading(output), reading(output):
        writer.start()
        wait_for(caplog, f"waiting for the command that reads {output}")
        events.append("read")
    writer.join(timeout=10)
    assert events == ["read", "replaced"]


def test_a_reader_waits_for_a_replacement(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    output, events = tmp_path / "raw", []

    def read() -> None:
        with reading(output):
            events.append("read")

    reader = threading.Thread(target=read)
    with replacing(output):
        reader.start()
        wait_for(caplog, f"waiting for the command that replaces {output}")
        events.append("replaced")
    reader.join(timeout=10)
    assert events == ["replaced", "read"]


def test_reading_what_is_not_there_makes_no_folder(tmp_path: Path) -> None:
    with reading(tmp_path / "none/data/raw"):
        assert list(tmp_path.iterdir()) == []
