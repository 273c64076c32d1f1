import os
import subprocess
import sys
from typing import Any

import psutil
import pytest

from benchmarks.busy import work
from benchmarks.busy.__main__ import SLEEP, SPIN, Speed, describe, run
from common.config.settings import ROOT


def test_what_is_kept_beside_a_busy_process_and_alone() -> None:
    row = describe("training", sleep=Speed(alone=80, beside=40), spin=Speed(alone=82, beside=8.2))
    assert row == {
        "work": "training", "spin_alone": 82, "spin_beside": 8.2, "sleep_alone": 80,
        "sleep_beside": 40, "spin_kept_beside": 0.1, "kept_beside": 0.5, "kept_alone": 0.98,
        "passed": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sleep", "passed"),
    [
        (Speed(alone=95, beside=43), True),
        (Speed(alone=94, beside=47), False),  # more than 5 % lost alone
        (Speed(alone=100, beside=44), False),  # less than 0.45 beside
    ],
)
def test_both_limits_count(sleep: Speed, passed: bool) -> None:
    assert describe("training", sleep=sleep, spin=Speed(100, 10))["passed"] is passed


def test_texts_a_second_are_of_all_steps_and_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 1.0, 2.0])
    monkeypatch.setattr("benchmarks.busy.work.time.perf_counter", lambda: next(clock))
    assert work.measure(lambda: 16, seconds=1.5) == 16.0  # two steps, two seconds


def test_the_busy_process_ends_with_its_measurement() -> None:
    with work.busy_core():
        loops = [p for p in psutil.Process().children() if p.cmdline()[-1:] == ["while True: pass"]]
        (loop,) = loops
    assert not loop.is_running()


@pytest.mark.parametrize(("waiting", "spinning"), [(SLEEP, False), (SPIN, True)])
def test_a_side_gets_threads_that_wait_in_its_way(
    monkeypatch: pytest.MonkeyPatch, waiting: Any, spinning: bool
) -> None:
    def started(command: Any, *, env: Any, **_: Any) -> Any:
        assert ("--spinning" in command) is spinning
        assert env.get("GOMP_SPINCOUNT") == ("300000" if spinning else None)
        assert not {"OMP_NUM_THREADS", "OMP_WAIT_POLICY"} & set(env)
        return subprocess.CompletedProcess(command, 0, 'log\n{"alone": 9.0, "beside": 4.5}\n')

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setattr(subprocess, "run", started)
    assert run("training", waiting, seconds=1) == Speed(9.0, 4.5)


@pytest.mark.parametrize(
    ("of_user", "found"),
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, "None"),
    ],
)
def test_threads_of_openmp_soon_sleep_unless_the_user_says_otherwise(
    of_user: dict[str, str], found: str
) -> None:
    openmp = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {k: v for k, v in os.environ.items() if k not in openmp} | of_user
    done = subprocess.run(
        [sys.executable, "-c", "import common, os; print(os.environ.get('GOMP_SPINCOUNT'))"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == found
