"""A run that is killed or interrupted while it labels is taken up where it was."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.config.schema import Settings
from common.stage.manifest import find_manifest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [f"{what} {n}" for n in range(20) for what in ("my parcel", "charged twice", "thanks")]


def command(settings: Settings) -> list[str]:
    chosen = {
        "run_dir": settings.run_dir,
        "labels": settings.labels,
        "classification.embedding.checkpoint": settings.classification.embedding.checkpoint,
        "classification.embedding.tune_steps": 0,
        "classification.shard_rows": 2,
        "spark.master": "local[2]",
        "spark.driver_memory": "1g",
        "spark.shuffle_partitions": 2,
    }
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "c_classification", "--profile", "sample", *sets]


def start(settings: Settings, *, until_shards: int) -> subprocess.Popen[str]:
    """Start the stage in a process group of its own, and wait for so many shards."""
    process = subprocess.Popen(
        command(settings), cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 240
    while len(shards(settings)) < until_shards:
        assert process.poll() is None, "the stage ended too early"
        assert time.monotonic() < deadline, "no shard in four minutes"
        time.sleep(0.01)
    return process


def shards(settings: Settings) -> list[Path]:
    """What labeling has finished."""
    pattern = "data/.labeled.staging-*/shards/shard-*.parquet"
    return sorted(settings.run_dir.glob(pattern))


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL it and all it started."""
    # Spark's Python workers are a process group of their own, and would finish their shard.
    started = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in started:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(started)
    process.communicate()


@pytest.mark.slow()
def test_killed_and_interrupted_run_goes_on_and_ends_with_every_row_once(
    settings: Settings, write_curated: Callable[[Sequence[str | None]], None]
) -> None:
    write_curated(TEXTS)
    kill(start(settings, until_shards=3))
    killed = shards(settings)
    assert 3 <= len(killed) < 20
    process = start(settings, until_shards=len(killed) + 3)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    _, log = process.communicate()
    assert process.returncode == 130
    assert f"going on after {len(killed)} of 30 shards" in log
    assert "interrupted; run the same command again to go on" in log
    left = shards(settings)
    assert set(killed) < set(left)
    assert len(left) < 30
    assert find_manifest(settings.paths.labeled) is None

    # A mark in a finished shard: it survives only if that shard is not labeled again.
    marked = pq.read_table(left[0])
    mark = pa.array([0.125] * marked.num_rows, pa.float32())
    pq.write_table(marked.set_column(2, "confidence", mark), left[0])

    subprocess.run(command(settings), cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    rows = pq.read_table(settings.paths.labeled / "messages").to_pylist()
    assert sorted(row["tweet_id"] for row in rows) == list(range(1, 61))
    assert [row["text"] for row in sorted(rows, key=lambda row: row["tweet_id"])] == TEXTS
    assert {row["text"] for row in rows if row["confidence"] == 0.125} == set(
        marked["text"].to_pylist()
    )
    manifest = find_manifest(settings.paths.labeled)
    assert manifest is not None
    assert manifest.figures["shards_resumed"] == len(left)
    assert (manifest.rows.taken, manifest.rows.out, manifest.rows.dropped) == (60, 60, {})

    assert manifest.figures["device"] == "cpu"

    again = subprocess.run(
        command(settings), cwd=ROOT, check=True, stderr=subprocess.PIPE, text=True
    )
    assert "unchanged, nothing to do" in again.stderr
    assert find_manifest(settings.paths.labeled) == manifest
