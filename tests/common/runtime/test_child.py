import logging
import os

import pytest

from common.errors import DataError, TriageError
from common.runtime.child import in_child


def fail(name: str) -> None:
    raise DataError(f"{name} is damaged")


def die() -> None:
    os._exit(7)


def warn(words: str) -> int:
    logging.getLogger("common").warning(words)
    return os.getpid()


def test_result_and_log_lines_come_from_another_process(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert in_child(warn, "normal", "the wheel is old") != os.getpid()
    assert "warning: the wheel is old" in capfd.readouterr().err


def test_an_error_is_raised_as_it_is() -> None:
    with pytest.raises(DataError, match="^x is damaged$"):
        in_child(fail, "quiet", "x")


def test_a_process_that_is_killed_is_named() -> None:
    with pytest.raises(TriageError, match="^die ended with exit code 7; -9 means that memory"):
        in_child(die, "quiet")
