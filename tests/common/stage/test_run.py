import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pydantic import ValidationError

from common.errors import DataError, TriageError
from common.locks import reading
from common.stage.files import sha256_of, write_atomically
from common.stage.manifest import (
    RowCounts,
    find_manifest,
    input_records,
    require_manifest,
    verify_files,
)
from common.stage.plan import Plan, plan_stage
from common.stage.run import Built, run_stage, run_stage_once

ROOT = Path(__file__).resolve().parents[3]
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def plan(settings_sha256: str = "s") -> Plan:
    return Plan("stage", "c", settings_sha256, ())


def writes(text: str) -> Any:
    def build(folder: Path) -> Built:
        (folder / "part").mkdir(exist_ok=True)
        (folder / "part/data.txt").write_text(text)
        return Built(RowCounts(taken=3, out=2, dropped={"empty": 1}), {"note": text})

    return build


def never(folder: Path) -> Built:
    raise AssertionError("an unchanged stage must not build")


def test_rows_must_add_up() -> None:
    RowCounts(taken=3, out=2, dropped={"empty": 1})
    with pytest.raises(ValidationError, match="rows do not add up: 3 in, 1 out"):
        RowCounts(taken=3, out=1, dropped={"empty": 1})


def test_manifest_tells_what_was_made(tmp_path: Path) -> None:
    made = run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    stored = json.loads((tmp_path / "out/manifest.json").read_text())
    assert stored["rows"] == {"in": 3, "out": 2, "dropped": {"empty": 1}}
    assert stored["outputs"] == [{"path": "part/data.txt", "bytes": 3, "sha256": ABC_SHA256}]
    assert stored["figures"] == {"note": "abc"}
    assert find_manifest(tmp_path / "out") == made


def test_a_stage_logs_its_rows_and_knows_its_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def all_kept(folder: Path) -> Built:
        return Built(RowCounts(taken=1_000, out=1_000), {})

    caplog.set_level(logging.INFO)
    made = run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    run_stage(plan("other"), output=tmp_path / "out", build=all_kept)
    assert 0 <= made.seconds < 60
    first, second = caplog.messages
    assert first.startswith("stage: 3 rows in, 2 out, dropped: empty 1; ")
    assert second.startswith("stage: 1,000 rows in, 1,000 out, dropped: none; ")


def test_what_is_built_once_is_built_anew_only_where_it_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "0123456789ab"
    made = run_stage_once(plan(), folder=folder, build=writes("abc"))
    assert find_manifest(folder) == made
    assert not folder.is_symlink()
    assert run_stage_once(plan("other settings"), folder=folder, build=never) == made
    (folder / "part/data.txt").write_text("abcd")
    run_stage_once(plan(), folder=folder, build=writes("new"))
    assert (folder / "part/data.txt").read_text() == "new"


@pytest.mark.parametrize(("resumable", "settings"), [(False, "s"), (True, "other settings")])
def test_a_build_starts_empty_where_it_cannot_go_on(
    tmp_path: Path, resumable: bool, settings: str
) -> None:
    def half(folder: Path) -> Built:
        (folder / "shard-0").write_text("done")
        raise TriageError("killed")

    def whole(folder: Path) -> Built:
        assert list(folder.iterdir()) == []
        return Built(RowCounts(taken=0, out=0), {})

    with pytest.raises(TriageError):
        run_stage(plan(), output=tmp_path / "out", build=half, resumable=True)
    run_stage(plan(settings), output=tmp_path / "out", build=whole, resumable=resumable)
    assert list(tmp_path.glob(".out.staging-*")) == []


def test_a_manifest_with_what_nobody_knows_is_damaged(tmp_path: Path) -> None:
    run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    path = tmp_path / "out/manifest.json"
    good = json.loads(path.read_text())
    for bad in (good | {"new": 1}, good | {"outputs": [good["outputs"][0] | {"new": 1}]}):
        path.write_text(json.dumps(bad))
        with pytest.raises(DataError, match=r"manifest\.json is damaged (?s:.*)new"):
            find_manifest(tmp_path / "out")


def test_unchanged_stage_does_nothing_and_a_changed_one_replaces_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_stage(plan(), output=out, build=writes("old"))
    run_stage(plan(), output=out, build=never)
    run_stage(plan("other settings"), output=out, build=writes("new"))
    assert (out / "part/data.txt").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == [
        "out",
        f"out.{plan('other settings').key}",
    ]


def test_missing_output_file_makes_the_stage_run_again(tmp_path: Path) -> None:
    run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    (tmp_path / "out/part/data.txt").unlink()
    assert find_manifest(tmp_path / "out") is None
    run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    assert (tmp_path / "out/part/data.txt").read_text() == "abc"


def test_failed_build_leaves_the_previous_output(tmp_path: Path) -> None:
    def fails(folder: Path) -> Built:
        (folder / "half.txt").write_text("half")
        raise TriageError("no")

    run_stage(plan(), output=tmp_path / "out", build=writes("old"))
    with pytest.raises(TriageError):
        run_stage(plan("x"), output=tmp_path / "out", build=fails)
    assert (tmp_path / "out/part/data.txt").read_text() == "old"


def test_resumable_build_finds_what_the_killed_one_left(tmp_path: Path) -> None:
    def half(folder: Path) -> Built:
        (folder / "shard-0").write_text("done")
        raise TriageError("killed")

    def rest(folder: Path) -> Built:
        assert (folder / "shard-0").read_text() == "done"
        return Built(RowCounts(taken=0, out=0), {})

    for build in (half, rest):
        try:
            run_stage(plan(), output=tmp_path / "out", build=build, resumable=True)
        except TriageError:
            assert not (tmp_path / "out").exists()
    assert (tmp_path / "out/shard-0").exists()


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".out.lock"),
        pytest.raises(TriageError, match="another process is writing"),
    ):
        run_stage(plan(), output=tmp_path / "out", build=never)


def test_what_is_read_is_replaced_only_afterwards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out = tmp_path / "out"
    run_stage(plan("1"), output=out, build=writes("old"))

    with ThreadPoolExecutor() as pool, reading(out):
        second = pool.submit(run_stage, plan("2"), output=out, build=writes("new"))
        while "waiting for the command that reads" not in caplog.text:
            assert not second.done()
            time.sleep(0.01)
        assert (out / "part/data.txt").read_text() == "old"
        assert not second.done()
    assert second.done()
    assert (out / "part/data.txt").read_text() == "new"


def test_a_copy_that_followed_links_goes_on(tmp_path: Path) -> None:
    run_stage(plan("1"), output=tmp_path / "data/out", build=writes("old"))
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path / "data", copied)
    assert not (copied / "out").is_symlink()

    assert run_stage(plan("1"), output=copied / "out", build=never).figures == {"note": "old"}
    run_stage(plan("2"), output=copied / "out", build=writes("new"))

    assert (copied / "out/part/data.txt").read_text() == "new"
    key = plan("2").key
    assert {path.name for path in copied.iterdir() if path.is_dir()} == {"out", f"out.{key}"}


@pytest.mark.parametrize("moment", ["building", "before link", "after link"])
def test_sigkill_at_any_moment_leaves_old_or_new_output_whole(tmp_path: Path, moment: str) -> None:
    out = tmp_path / "out"
    run_stage(plan(), output=out, build=writes("old"))
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from common.stage import run
        from common.stage.manifest import RowCounts
        from common.stage.plan import Plan
        moment, out = sys.argv[1], Path(sys.argv[2])
        def die(*_): os.kill(os.getpid(), signal.SIGKILL)
        def build(folder):
            (folder / "part").mkdir()
            (folder / "part/data.txt").write_text("new")
            if moment == "building":
                die()
            return run.Built(RowCounts(taken=0, out=0), {})
        if moment == "before link":
            Path.symlink_to = die
        if moment == "after link":
            run.sync_folder = lambda p: die() if p == out.parent else None
        run.run_stage(Plan("stage", "c", "x", ()), output=out, build=build)
    """)
    done = subprocess.run([sys.executable, "-c", script, moment, str(out)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert find_manifest(out) is not None
    assert (out / "part/data.txt").read_text() == ("new" if moment == "after link" else "old")
    run_stage(plan("x"), output=out, build=writes("new"))
    assert (out / "part/data.txt").read_text() == "new"
    assert not list(tmp_path.glob(".out.staging-*"))


def test_plan_key_follows_code_settings_and_inputs(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("abc")

    def key(settings: object = 1, code: tuple[str, ...] = ("a_ingestion.stage",)) -> str:
        return plan_stage("s", code=code, settings=settings, inputs=[source]).key

    first = key()
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert first == key()
    assert key(settings={"a": 1, "b": 2}) == key(settings={"b": 2, "a": 1})
    assert first != key(settings=2)
    assert first != key(code=("b_transformation.stage",))
    source.write_text("abd")
    assert first != key()


def test_inputs_of_a_published_folder_are_its_outputs(tmp_path: Path) -> None:
    run_stage(plan(), output=tmp_path / "raw", build=writes("abc"))
    (record,) = input_records(tmp_path / "raw")
    assert (record.path, record.sha256) == ("raw/part/data.txt", ABC_SHA256)


def test_missing_input_names_the_target_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run `make data_ingestion` first"):
        require_manifest(tmp_path / "raw", made_by="data_ingestion")


def test_damaged_manifest_is_an_error_not_a_fresh_start(tmp_path: Path) -> None:
    run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    (tmp_path / "out/manifest.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        find_manifest(tmp_path / "out")


def test_changed_file_fails_verification(tmp_path: Path) -> None:
    made = run_stage(plan(), output=tmp_path / "out", build=writes("abc"))
    verify_files(tmp_path / "out", made.outputs)
    (tmp_path / "out/part/data.txt").write_text("abd")
    with pytest.raises(DataError, match="differs from its manifest"):
        verify_files(tmp_path / "out", made.outputs)


def test_write_atomically_leaves_no_partial_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep/x.json", "abc")
    assert sha256_of(tmp_path / "deep/x.json") == ABC_SHA256
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x.json"]
