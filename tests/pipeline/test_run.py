"""Steps run in order, as processes of their own; stubs stand in for the stages."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.run import StepError, run_steps
from pipeline.steps import Step

ROOT = Path(__file__).resolve().parents[2]
STUB = """
import sys
from pathlib import Path
name, code, *rest = sys.argv[1:]
with Path("ran.txt").open("a") as file:
    file.write(" ".join([name, *rest]) + "\\n")
print("result of", name)
sys.exit(int(code))
"""


@pytest.fixture(autouse=True)
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stub.py").write_text(STUB, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def step(name: str, *codes: int) -> Step:
    return Step(name, f"does {name}", tuple(("stub", name, str(code)) for code in codes))


def ran() -> list[str]:
    return Path("ran.txt").read_text(encoding="utf-8").splitlines()


def test_steps_run_in_order_with_the_options_of_the_command(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    seconds = run_steps(
        [step("one", 0, 0), step("two", 0)], options=["--profile", "full"], results=True
    )
    assert list(seconds) == ["one", "two"]
    assert ran() == ["one --profile full", "one --profile full", "two --profile full"]
    assert caplog.messages == ["[1/2] one: does one; next: two", "[2/2] two: does two"]
    assert capfd.readouterr().out == "result of one\nresult of one\nresult of two\n"


def test_results_can_be_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    run_steps([step("one", 0)], options=[], results=False)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("code", [1, 2, 3, 4, 130])
def test_what_fails_ends_the_run_with_its_own_exit_code(code: int) -> None:
    with pytest.raises(StepError) as failed:
        run_steps(
            [step("one", 0), step("two", code, 0), step("three", 0)], options=[], results=False
        )
    assert failed.value.exit_code == code
    assert str(failed.value) == f"[2/3] two ended with exit code {code}; not started: three"
    assert ran() == ["one", "two"]


def test_a_process_that_a_signal_ends_gives_128_more() -> None:
    Path("killed.py").write_text("import os; os.kill(os.getpid(), 9)", encoding="utf-8")
    with pytest.raises(StepError) as failed:
        run_steps([Step("one", "", (("killed",),))], options=[], results=False)
    assert failed.value.exit_code == 137


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_process_behind(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    Path("waits.py").write_text(
        "import os, time, pathlib\n"
        "pathlib.Path('part').write_text(str(os.getpid()))\n"
        "pathlib.Path('part').rename('pid')\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pipeline.run import StepError, run_steps\n"
        "from pipeline.steps import Step\n"
        "try:\n    run_steps([Step('one', '', (('waits',),))], options=[], results=False)\n"
        "except StepError as error:\n    sys.exit(error.exit_code)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as runner:
        deadline = time.monotonic() + 30
        while not Path("pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        waiting = int(Path("pid").read_text(encoding="utf-8"))
        if number == signal.SIGINT:
            os.killpg(runner.pid, number)  # as a terminal does
        else:
            runner.send_signal(number)
        assert runner.wait(30) == code
    with pytest.raises(ProcessLookupError):
        os.kill(waiting, 0)
