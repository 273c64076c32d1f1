"""The model's life in one run folder: judged once, refused, forced, rolled back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.config.gate import GateSettings
from common.errors import RefusedError
from common.models.journal import JOURNAL
from common.models.registry import POINTER, production_id
from common.models.verdict import find_verdict, verdict_path
from d_training import run
from tests.d_training.conftest import Two

ROOT = Path(__file__).resolve().parents[3]
TOO_STRICT = GateSettings(min_macro_f1=1, max_calibration_error=0)


def moves(models: Path) -> list[tuple[Any, ...]]:
    lines = (models / JOURNAL).read_text(encoding="utf-8").splitlines()
    return [(e["action"], e["from"], e["to"]) for e in map(json.loads, lines)]


def command(module: str, settings: Any, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the package with these very settings."""
    told = settings.model_dump(mode="json", include={"run_dir", "labels", "seed", "training"})
    flat = {f"training.{k}": v for k, v in told.pop("training").items()} | told
    sets = [f"--set={k}={'' if v is None else v}" for k, v in flat.items()]
    return subprocess.run(
        [sys.executable, "-m", module, *sets, *options], cwd=ROOT, text=True,
        capture_output=True, env=os.environ | {"TRIAGE_PROFILE": "sample"},
    )  # fmt: skip


def test_a_model_that_was_killed_before_the_gate_is_judged_by_the_next_run(two: Two) -> None:
    assert find_verdict(two.models, two.poor_id) is None
    pointer = (two.models / POINTER).read_bytes()
    with pytest.raises(RefusedError, match=f"the gate refuses model {two.poor_id}: chance of"):
        run(two.poor)
    assert (two.models / POINTER).read_bytes() == pointer
    assert moves(two.models) == [
        ("promote", None, two.good_id),
        ("refuse", two.good_id, two.poor_id),
    ]
    verdict = find_verdict(two.models, two.poor_id)
    assert verdict is not None
    assert (verdict.against, verdict.promote) == (two.good_id, False)


def test_an_unchanged_refused_model_is_refused_again_with_code_3_and_not_judged(two: Two) -> None:
    with pytest.raises(RefusedError):
        run(two.poor)
    judged = verdict_path(two.models, two.poor_id).stat().st_mtime_ns
    before = (two.models / JOURNAL).read_bytes()
    done = command("d_training", two.poor)
    assert done.returncode == 3, done.stderr
    assert "the gate refuses model" in done.stderr
    assert (two.models / JOURNAL).read_bytes() == before
    assert verdict_path(two.models, two.poor_id).stat().st_mtime_ns == judged
    assert production_id(two.models) == two.good_id


def test_other_limits_have_a_refused_model_judged_anew(two: Two) -> None:
    for file in (POINTER, JOURNAL):  # as if neither had been judged
        (two.models / file).unlink()
    with pytest.raises(RefusedError):
        run(two.good.model_copy(update={"gate": TOO_STRICT}))
    assert production_id(two.models) is None
    run(two.good)
    assert production_id(two.models) == two.good_id
    assert moves(two.models) == [
        ("refuse", None, two.good_id),
        ("promote", None, two.good_id),
    ]


def test_force_then_rollback_and_an_unchanged_run_leaves_it_so(two: Two) -> None:
    forced = command("d_training", two.poor, "--force")
    assert forced.returncode == 0, forced.stderr
    assert "verdict: refuse" in forced.stderr
    assert production_id(two.models) == two.poor_id

    back = command("d_training", two.poor, "rollback")
    assert back.returncode == 0, back.stderr
    assert f"Model {two.good_id} is in production" in back.stdout
    assert production_id(two.models) == two.good_id

    before = (two.models / JOURNAL).read_bytes()
    run(two.poor)
    run(two.poor)
    assert production_id(two.models) == two.good_id
    assert (two.models / JOURNAL).read_bytes() == before
    assert moves(two.models)[1:] == [
        ("force", two.good_id, two.poor_id),
        ("rollback", two.poor_id, two.good_id),
    ]


def test_rollback_to_a_named_model_and_its_refusals(two: Two) -> None:
    run(two.poor, force=True)
    named = command("d_training", two.good, "rollback", "--to", two.good_id)
    assert (named.returncode, production_id(two.models)) == (0, two.good_id)
    (two.models / two.poor_id / "labels.yaml").write_text("labels: []", encoding="utf-8")
    corrupt = command("d_training", two.good, "rollback", "--to", two.poor_id)
    assert corrupt.returncode == 1
    assert "differs from its manifest" in corrupt.stderr
    assert production_id(two.models) == two.good_id


def test_a_move_that_was_killed_before_the_pointer_is_finished_by_an_unchanged_run(
    two: Two,
) -> None:
    pointer = (two.models / POINTER).read_bytes()
    run(two.poor, force=True)
    (two.models / POINTER).write_bytes(pointer)
    run(two.poor)
    assert production_id(two.models) == two.poor_id
    assert len(moves(two.models)) == 2


def test_the_journal_says_who_asked(two: Two) -> None:
    run(two.poor, force=True)
    last = json.loads((two.models / JOURNAL).read_text(encoding="utf-8").splitlines()[-1])
    assert last["by"].endswith(", train_model")
    assert last["forced"] is True
    assert last["figures"]["difference"] < 0
    assert last["reasons"][0].startswith("chance of losing over 0.02 macro-F1 is ")
