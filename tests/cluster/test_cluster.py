"""The chain's Spark stages on a cluster, one worker killed half-way: the rows of one machine."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from common.stage.manifest import find_manifest
from tests.c_classification.conftest import LABELS
from tests.cluster.machines import Cluster, missing
from tests.e_apification.conftest import make_models  # noqa: F401 a fixture

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("common", "b_transformation", "c_classification", "e_apification")
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1_800)]

Rows = list[tuple[Any, ...]]
# Of each stage: its command, where it writes, and what shows that some of its tasks are done.
STAGES = {
    "b_transformation": (["b_transformation"], "curated", "messages/_temporary/*/task_*"),
    "c_classification": (["c_classification"], "labeled", "shards/shard-*.parquet"),
    "e_apification": (["e_apification", "score"], "scored", "texts/_temporary/*/task_*"),
}


def arguments(run_dir: Path, master: str, checkpoint: Path) -> list[str]:
    chosen = {
        "run_dir": run_dir,
        "labels": run_dir / "labels.yaml",
        "ingestion.sample_rows": 8_000,
        "classification.embedding.checkpoint": checkpoint,
        "classification.embedding.tune_steps": 0,
        "classification.shard_rows": 100,
        "spark.master": master,
        "spark.driver_memory": "1g",
        "spark.shuffle_partitions": 4,
        "spark.driver_rows": 100,
        "tracking.enabled": "false",
    }
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    return ["--profile", "sample", *sets]


def run(module: list[str], options: list[str], environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", *module, *options], cwd=ROOT, env=environment, check=True)


def run_and_kill(
    command: list[str],
    environment: dict[str, str],
    done: Callable[[], bool],
    kill: Callable[[], None],
) -> None:
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment)
    deadline = time.monotonic() + 300
    while not done():
        assert process.poll() is None, "the stage ended before a worker was killed"
        assert time.monotonic() < deadline, "nothing done in five minutes"
        time.sleep(0.005)
    kill()
    assert process.wait(timeout=600) == 0


def rows_of(folder: Path) -> Rows:
    rows = [tuple(row.items()) for row in pq.read_table(folder).to_pylist()]
    return sorted(rows, key=repr)


@pytest.fixture(scope="module")
def local(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_checkpoint: Path,
    make_models: Any,  # noqa: F811
) -> Path:
    """A run of all stages on this machine alone, ids and replies held by the driver."""
    run_dir = tmp_path_factory.mktemp("local")
    shutil.copytree(make_models(), run_dir / "models")
    (run_dir / "labels.yaml").write_text(LABELS, encoding="utf-8")
    options = arguments(run_dir, "local[2]", tiny_checkpoint)
    in_driver = [word.replace("driver_rows=100", "driver_rows=100000") for word in options]
    run(["a_ingestion"], options, dict(os.environ))
    for command, _, _ in STAGES.values():
        run(command, in_driver, dict(os.environ))
    return run_dir


@pytest.fixture(scope="module")
def cluster(
    local: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cluster, Path]]:
    """A cluster, and a run directory that has data/raw and a model, whose folder workers miss."""
    if reason := missing():
        pytest.skip(reason)
    run_dir = tmp_path_factory.mktemp("cluster")
    (run_dir / "data").mkdir()
    raw = (local / "data/raw").resolve()
    shutil.copytree(raw, run_dir / "data" / raw.name)
    (run_dir / "data/raw").symlink_to(raw.name)
    for name in ("models", ".cache"):
        shutil.copytree(local / name, run_dir / name)
    shutil.copy(local / "labels.yaml", run_dir)
    hidden = [ROOT / package for package in PACKAGES] + [run_dir / "models"]
    with Cluster(tmp_path_factory.mktemp("machines"), hidden=hidden) as started:
        yield started, run_dir


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_worker_costs_time_and_no_row(
    cluster: tuple[Cluster, Path], local: Path, tiny_checkpoint: Path, stage: Any
) -> None:
    machines, run_dir = cluster
    command, output, finished = STAGES[stage]
    options = arguments(run_dir, machines.master, tiny_checkpoint)
    run_and_kill(
        [*command, *options],
        machines.environment(),
        lambda: any((run_dir / "data").glob(f".{output}.staging-*/{finished}")),
        lambda: machines.kill_worker(1),
    )
    machines.start_worker(1)
    ours, theirs = (find_manifest(folder / "data" / output) for folder in (run_dir, local))
    assert ours is not None and theirs is not None
    assert ours.rows == theirs.rows
    for folder in {"messages", "replies"} & {Path(r.path).parts[0] for r in theirs.outputs}:
        rows = rows_of(run_dir / "data" / output / folder)
        assert rows == rows_of(local / "data" / output / folder)
        assert rows


def test_a_folder_is_labeled_by_workers_that_miss_the_model(
    cluster: tuple[Cluster, Path], local: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    machines, run_dir = cluster
    options = arguments(run_dir, machines.master, tiny_checkpoint)
    given, out = (f"file://{tmp_path}/{name}" for name in ("in", "out"))
    (tmp_path / "in").mkdir()
    for number, part in enumerate((local / "data/curated/messages").glob("*.parquet")):
        table = pq.read_table(part)
        for share in range(4):
            start, end = (len(table) * n // 4 for n in (share, share + 1))
            own = table.slice(start, end - start)
            pq.write_table(own, tmp_path / "in" / f"{number}-{share}.parquet")
    rows = len(pq.read_table(tmp_path / "in"))
    run_and_kill(
        ["e_apification", "score", *options, f"--csv={given}", f"--out={out}"],
        machines.environment(),
        lambda: any((tmp_path / "out").glob("_temporary/*/task_*")),
        lambda: machines.kill_worker(2),
    )
    machines.start_worker(2)
    labeled = pq.read_table(tmp_path / "out")
    assert len(labeled) == rows
    assert (tmp_path / "out" / "_manifest.json").is_file()
    scored = pq.read_table(local / "data/scored/messages", columns=["tweet_id", "label"])
    expected = {row["tweet_id"]: row["label"] for row in scored.to_pylist()}
    assert {r["tweet_id"]: r["label"] for r in labeled.to_pylist()} == expected


def test_a_folder_that_workers_do_not_see(
    cluster: tuple[Cluster, Path], local: Path, tiny_checkpoint: Path
) -> None:
    """RUN_DIR under models, which is hidden from them."""
    machines, run_dir = cluster
    unseen = run_dir / "models" / "unseen"
    shutil.copytree(local / "data", unseen / "data", symlinks=True)
    shutil.copy(local / "labels.yaml", unseen)
    options = arguments(unseen, machines.master, tiny_checkpoint)
    options += ["--set", "transformation.thread_rounds=31"]  # or there were nothing to do
    done = subprocess.run(
        [sys.executable, "-m", "b_transformation", *options],
        cwd=ROOT, env=machines.environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "worker-" in done.stderr
    assert "a disk that all machines mount at the same path" in done.stderr
