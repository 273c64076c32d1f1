"""Run steps as processes, one after the other; what fails keeps its exit code."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from common.errors import TriageError
from pipeline.steps import Step

_PATIENCE_S = 30.0  # for a process to end by itself once it was interrupted
logger = logging.getLogger(__name__)


class StepError(TriageError):
    """A step's process failed; exit_code is that of the process."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_steps(steps: Sequence[Step], *, options: Sequence[str], results: bool) -> dict[str, float]:
    """Run them in order and return the seconds that each took.

    Args:
        steps: at least one.
        options: added to each process's arguments.
        results: show what processes write to standard output.

    Raises:
        StepError: as soon as one fails; the later ones are not started.
    """
    seconds: dict[str, float] = {}
    for number, step in enumerate(steps, start=1):
        place = f"[{number}/{len(steps)}] {step.name}"
        rest = f"; next: {steps[number].name}" if number < len(steps) else ""
        logger.info("%s: %s%s", place, step.does, rest)
        started = time.monotonic()
        for command in step.commands:
            code = _run([*command, *options], results=results)
            if code:
                after = ", ".join(later.name for later in steps[number:])
                unstarted = f"; not started: {after}" if after else ""
                raise StepError(f"{place} ended with exit code {code}{unstarted}", exit_code=code)
        seconds[step.name] = time.monotonic() - started
    return seconds


def _run(arguments: Sequence[str], *, results: bool) -> int:
    """The exit code of ``python -m`` with these arguments; of a signal that ended it, 128 more."""
    process = subprocess.Popen(  # noqa: S603 the project's own commands
        [sys.executable, "-m", *arguments], stdout=None if results else subprocess.DEVNULL
    )

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        code = _wait(process)
    finally:
        signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else 128 - code


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """A terminal's Ctrl-C reaches the process too, which then ends by itself."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            return process.wait(_PATIENCE_S) or 128 + signal.SIGINT
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            process.terminate()
            return process.wait()
