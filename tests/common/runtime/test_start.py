"""Spark starts, or says in one line why it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.config.settings import load_settings
from common.errors import SettingsError

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from common.config.cli import run_command, stage_parser
from common.runtime.spark import spark_session

def count(settings):
    with spark_session(settings.spark, app="count") as session:
        print(session.range(3).count())

sys.exit(run_command(stage_parser("count", "", sections=[]).parse_args(), count))
"""


def count(*settings: str, **environ: str) -> tuple[int, str, list[str]]:
    """Exit code, stdout and the lines of stderr of a program that counts with Spark."""
    options = ["--set=spark.master=local[1]", "--set=spark.driver_memory=512m", *settings]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *options],
        cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_the_least_memory_works_and_nothing_is_said() -> None:
    assert count() == (0, "3\n", [])


@pytest.mark.parametrize("memory", ["0m", "200m", "511m", "0g"])
def test_less_memory_is_refused_with_the_least(memory: str) -> None:
    with pytest.raises(SettingsError, match="512m is the least that works"):
        load_settings(environ={}, overrides=[f"spark.driver_memory={memory}"])


@pytest.mark.parametrize(
    ("settings", "environ", "said"),
    [
        (["--set=spark.master=local[x]"], {}, "Could not parse Master URL: 'local[x]' (spark.mas"),
        (["--set=spark.driver_memory=99999999g"], {}, "Could not reserve enough space for"),
        ([], {"_JAVA_OPTIONS": "-Xmx100m"}, "spark.driver_memory 512m, $_JAVA_OPTIONS)"),
        ([], {"SPARK_LOCAL_DIRS": "/proc/none"}, "Failed to create directory /proc/none/blockmgr"),
        ([], {"SPARK_LOCAL_HOSTNAME": "no.such.host.example"}, "$SPARK_LOCAL_HOSTNAME)"),
        ([], {"PYSPARK_SUBMIT_ARGS": "--nonesuch x"}, "Unrecognized option: --nonesuch"),
        ([], {"SPARK_HOME": "/none"}, "No such file or directory: '/none/./bin/spark-submit'"),
        ([], {"JAVA_TOOL_OPTIONS": "-Xnonesuch"}, "does not run, JAVA_TOOL_OPTIONS=-Xnonesuch)"),
    ],
)
def test_what_stops_the_start_is_one_line(
    settings: list[str], environ: dict[str, str], said: str
) -> None:
    code, out, errors = count(*settings, **environ)
    assert (code, out, len(errors)) == (1, "", 1)
    assert "Spark does not start: " in errors[0] or "Spark needs Java 17 or 21" in errors[0]
    assert said in errors[0]
