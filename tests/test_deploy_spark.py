"""The examples in deploy/spark: they name settings that exist, and start what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

from common.config.schema import Settings
from common.config.spark import SparkSettings
from common.runtime.spark import own_options

ROOT = Path(__file__).resolve().parent.parent
SPARK = ROOT / "deploy" / "spark"
SUBMIT = (SPARK / "submit.sh").read_text(encoding="utf-8")
DEFAULTS = (SPARK / "conf" / "spark-defaults.conf").read_text(encoding="utf-8")


def test_settings_exist() -> None:
    for key in re.findall(r"--set \"?([a-z_.]+)=", SUBMIT):
        fields = Settings.model_fields
        for name in key.split("."):
            assert name in fields, key
            fields = getattr(fields[name].annotation, "model_fields", {})


def test_defaults_name_no_option_that_the_project_sets() -> None:
    named = re.findall(r"^(?:# )?(spark\.[\w.]+) +\S+$", DEFAULTS, flags=re.MULTILINE)
    assert len(named) == 9
    assert not set(named) & set(own_options(SparkSettings()))
    (version,) = re.findall(r"spark-hadoop-cloud_2.13:(\S+)", DEFAULTS)
    assert f"pyspark=={version}\n" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


def test_the_log_of_a_cluster_is_as_quiet() -> None:
    assert (SPARK / "conf" / "log4j2.properties").read_bytes() == (
        ROOT / "conf" / "spark" / "log4j2.properties"
    ).read_bytes()


def test_submit_starts_a_stage_through_spark_submit(tmp_path: Path) -> None:
    """With a spark-submit that shows its environment and runs the program in Python."""
    fake = tmp_path / "spark-submit"
    fake.write_text(
        '#!/usr/bin/env bash\necho "$1 $2 $3 $4 $SPARK_CONF_DIR"; shift 4\n'
        f'exec {sys.executable} "$@" --help\n'
    )
    fake.chmod(0o755)
    clean = {name: v for name, v in os.environ.items() if not name.startswith("SPARK_")}
    environment = clean | {"SPARK_SUBMIT": str(fake), "SPARK_MASTER": "yarn"}
    done = subprocess.run(
        [SPARK / "submit.sh", "e_apification", "score", "--csv=hdfs://host/in"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, *shown = done.stdout.splitlines()
    assert first == f"--master yarn --deploy-mode client {SPARK}/conf"
    assert shown[0].startswith("usage: python -m e_apification score")
