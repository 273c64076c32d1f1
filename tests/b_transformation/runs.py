"""How these tests run the stage: its settings, its command, and what it has published."""

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from a_ingestion import run as land
from b_transformation import run
from common.config.schema import Settings
from common.config.settings import load_settings
from common.stage.manifest import Manifest

SPARK = ("spark.master=local[2]", "spark.driver_memory=1g", "spark.shuffle_partitions=2")
LENIENT = (
    "transformation.quality.max_null_share=0.5",
    "transformation.quality.max_duplicate_id_share=0.1",
)


def options(run_dir: Path, *more: str) -> list[str]:
    source = ("ingestion.source=csv", f"ingestion.csv={run_dir / 'in.csv'}")
    return [f"run_dir={run_dir}", *source, *SPARK, *more]


def settings_for(run_dir: Path, *more: str) -> Settings:
    return load_settings(overrides=options(run_dir, *more), profile="sample", environ={}).settings


def command(run_dir: Path, *more: str) -> list[str]:
    sets = [word for item in options(run_dir, *more) for word in ("--set", item)]
    return [sys.executable, "-m", "b_transformation", "--profile", "sample", *sets]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}


def rows_of(folder: Path) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in pq.read_table(folder).to_pylist())


def land_and_run(run_dir: Path, content: bytes, *more: str) -> Manifest:
    (run_dir / "in.csv").write_bytes(content)
    settings = settings_for(run_dir, *more)
    land(settings)
    return run(settings)
