from typing import Any

import pytest

from common.config.cli import run_command, stage_parser
from common.errors import DataError, RefusedError, SettingsError, TriageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TriageError("what is wrong"), 1),
        (DataError("what is wrong"), 1),
        (SettingsError("what is wrong"), 2),
        (RefusedError("what is wrong", model_id="0123456789ab", reasons=["worse"]), 3),
    ],
)
def test_exit_code_is_that_of_the_error(
    capsys: pytest.CaptureFixture[str], error: Any, code: int
) -> None:
    def command(_: Any) -> None:
        raise error

    args = stage_parser("x", "y", sections=()).parse_args([])
    assert run_command(args, command) == code
    assert "what is wrong" in capsys.readouterr().err


def test_success_and_bad_settings(capsys: pytest.CaptureFixture[str]) -> None:
    parser = stage_parser("x", "y", sections=("gate",))
    assert run_command(parser.parse_args([]), lambda _: None) == 0
    bad = parser.parse_args(["--set", "gate.tolerance=2"])
    assert run_command(bad, lambda _: pytest.fail("ran")) == 2
    assert "gate.tolerance = 2" in capsys.readouterr().err
