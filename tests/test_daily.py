"""The DAG of docs/examples, with stand-ins for Airflow's classes, against the Makefile.

Airflow itself is not among the pins; the file was parsed by Airflow 3.3.2.
"""

import runpy
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER: list[tuple[str, str]] = []


class Task:
    """Takes what BashOperator takes, and remembers what comes after what."""

    def __init__(
        self, *, task_id: str, bash_command: str, cwd: str, env: dict[str, str], append_env: bool
    ) -> None:
        self.task_id, self.bash_command, self.env = task_id, bash_command, env
        assert cwd == "{{ var.value.triage_home }}"
        assert append_env

    def __rshift__(self, other: "Task") -> "Task":
        ORDER.append((self.task_id, other.task_id))
        return other


def dag(**options: Any) -> AbstractContextManager[None]:
    assert options["max_active_runs"] == 1
    assert options["catchup"] is False
    return nullcontext()


@pytest.fixture()
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    names = "airflow airflow.sdk airflow.providers airflow.providers.standard"
    names += " airflow.providers.standard.operators airflow.providers.standard.operators.bash"
    modules = {name: ModuleType(name) for name in names.split()}
    vars(modules["airflow.sdk"])["DAG"] = dag
    vars(modules["airflow.providers.standard.operators.bash"])["BashOperator"] = Task
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    ORDER.clear()
    found = runpy.run_path(str(ROOT / "docs/examples/airflow_dag.py"))
    return {name: task for name, task in found.items() if isinstance(task, Task)}


def test_the_tasks_are_commands_of_the_makefile_in_order(tasks: dict[str, Task]) -> None:
    assert list(tasks) == ["land", "clean", "score"]
    assert ORDER == [("land", "clean"), ("clean", "score")]
    for task in tasks.values():
        shown = subprocess.run(
            [*task.bash_command.split(), "--dry-run"],
            cwd=ROOT, env={"PATH": "/usr/bin:/bin", **task.env}, capture_output=True, text=True,
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr


def test_what_the_tasks_are_given_reaches_the_commands(tasks: dict[str, Task]) -> None:
    shown = subprocess.run(
        [*tasks["land"].bash_command.split(), "--dry-run"],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", **tasks["land"].env}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    for setting in (
        "INGESTION__APPEND",
        "INGESTION__CSV",
        "INGESTION__ID_COLUMN",
        "LOG",
        "RUN_DIR",
    ):
        assert f"TRIAGE_{setting}=" in shown.stdout
