import logging
import os

import pytest

from common.errors import DataError
from common.runtime.child import in_child


def fail(name: str) -> None:
    raise DataError(f"{name} is damaged")


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
