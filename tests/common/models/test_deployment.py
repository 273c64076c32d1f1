import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError, RefusedError
from common.models import deployment
from common.models.deployment import promote, roll_back, settle
from common.models.journal import JOURNAL
from common.models.registry import POINTER, production_id
from common.models.verdict import Check, Verdict, write_verdict
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once
from common.text import rules_sha256


@pytest.fixture()
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def make_model(models: Path, what: str, *, rules: str | None = None) -> str:
    def build(folder: Path) -> Built:
        for name in ("model.int8.onnx", "tokenizer.json", "labels.yaml"):
            (folder / name).write_text(what, encoding="utf-8")
        facts = {
            "text_rules_sha256": rules or rules_sha256(),
            "labels_sha256": "",
            "max_length": 8,
            "temperature": 1,
            "abstain_threshold": 0,
        }
        (folder / "metrics.json").write_text(json.dumps(facts), encoding="utf-8")
        (folder / "plot.png").write_text("drawn", encoding="utf-8")
        return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})

    plan = plan_stage("d_training", code=(), settings=what, inputs=[])
    run_stage_once(plan, folder=models / plan.key, build=build)
    return plan.key


def judged(models: Path, experiment: str, *, macro_f1: float = 0.8) -> str:
    """Leaves a verdict against what serves now: promote from 0.5 on."""
    verdict = Verdict(
        model_id=experiment,
        against=production_id(models),
        judged_at=datetime(2026, 1, 2, tzinfo=UTC),
        key="k",
        rows="8 texts",
        notes=(),
        figures={"macro_f1": macro_f1},
        checks=(Check(name="macro-F1", value=macro_f1, rule="at least", limit=0.5),),
    )
    write_verdict(models, verdict)
    return experiment


def serve(models: Path, *names: str) -> list[str]:
    """Promotes models in turn."""
    ids = [make_model(models, name) for name in names]
    for experiment in ids:
        promote(models, judged(models, experiment), by="ada")
    return ids


def journal(models: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (models / JOURNAL).read_text("utf-8").splitlines()]


def moves(models: Path) -> list[tuple[Any, ...]]:
    return [(e["action"], e["from"], e["to"]) for e in journal(models)]


def killed_before_the_pointer(
    monkeypatch: pytest.MonkeyPatch, action: Any, *args: Any, **options: Any
) -> None:
    """Runs ``action`` and ends it where the journal is written and the pointer is not."""

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(deployment, "_point", die)
        with pytest.raises(Killed):
            action(*args, **options)


def test_a_model_that_passed_is_promoted_and_written_down(models: Path) -> None:
    first, second = serve(models, "one", "two")
    assert production_id(models) == second
    assert moves(models) == [("promote", None, first), ("promote", first, second)]
    last = journal(models)[-1]
    assert (last["by"], last["forced"], last["figures"]) == ("ada", False, {"macro_f1": 0.8})
    assert datetime.fromisoformat(last["at"]).tzinfo is not None


def test_a_refusal_is_written_down_and_moves_nothing(models: Path) -> None:
    (first,) = serve(models, "one")
    pointer = (models / POINTER).stat().st_mtime_ns
    second = judged(models, make_model(models, "two"), macro_f1=0.25)
    with pytest.raises(RefusedError, match=r"macro-F1 is 0\.250, at least 0\.5 is asked for"):
        promote(models, second, by="ada")
    assert production_id(models) == first
    assert (models / POINTER).stat().st_mtime_ns == pointer
    assert moves(models)[1:] == [("refuse", first, second)]
    assert journal(models)[1]["reasons"] == ["macro-F1 is 0.250, at least 0.5 is asked for"]


def test_a_figure_that_is_no_number_is_refused(models: Path) -> None:
    with pytest.raises(RefusedError, match="macro-F1 is no number"):
        promote(models, judged(models, make_model(models, "one"), macro_f1=float("nan")), by="ada")


def test_force_overrules_the_gate_and_says_so(models: Path) -> None:
    (first,) = serve(models, "one")
    second = judged(models, make_model(models, "two"), macro_f1=0.25)
    promote(models, second, by="bob", force=True)
    assert production_id(models) == second
    assert moves(models)[1:] == [("force", first, second)]
    assert journal(models)[1]["forced"] is True
    assert journal(models)[1]["reasons"] == ["macro-F1 is 0.250, at least 0.5 is asked for"]


def test_a_verdict_against_another_production_does_not_count(models: Path) -> None:
    second = judged(models, make_model(models, "two"))
    (first,) = serve(models, "one")
    with pytest.raises(DataError, match=f"{second} was not judged against {first}, which is what"):
        promote(models, second, by="ada")
    with pytest.raises(DataError, match=f"was not judged against {first}, which is what"):
        promote(models, make_model(models, "three"), by="ada")
    assert len(journal(models)) == 1


def test_promoting_what_serves_changes_nothing(models: Path) -> None:
    (first,) = serve(models, "one")
    before = (models / POINTER).stat().st_mtime_ns
    promote(models, first, by="ada", force=True)
    assert len(journal(models)) == 1
    assert (models / POINTER).stat().st_mtime_ns == before


def test_damaged_or_missing_model_is_never_promoted_even_by_force(models: Path) -> None:
    (first,) = serve(models, "one")
    second = judged(models, make_model(models, "two"))
    (models / second / "plot.png").write_text("DRAWN", encoding="utf-8")
    with pytest.raises(DataError, match="differs from its manifest"):
        promote(models, second, by="ada", force=True)
    (models / second / "plot.png").unlink()
    with pytest.raises(DataError, match="missing or not whole"):
        promote(models, second, by="ada", force=True)
    with pytest.raises(DataError, match="missing or not whole"):
        promote(models, "0" * 12, by="ada", force=True)
    assert production_id(models) == first
    assert len(journal(models)) == 1


def test_a_first_model_too_must_be_judged(models: Path) -> None:
    with pytest.raises(DataError, match="was not judged against an empty place, which is what"):
        promote(models, make_model(models, "one"), by="ada")
    assert not (models / JOURNAL).exists()


def test_rolling_back_walks_to_the_first_model_and_no_further(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = serve(models, "one", "two", "three")
    caplog.set_level(logging.INFO)
    caplog.clear()
    assert roll_back(models, by="ada") == second
    assert caplog.messages == [f"production: back to model {second} from {third}"]
    assert production_id(models) == second
    assert roll_back(models, by="ada") == first
    assert production_id(models) == first
    with pytest.raises(DataError, match="no model served before the present one"):
        roll_back(models, by="ada")
    assert moves(models)[3:] == [("rollback", third, second), ("rollback", second, first)]


def test_rolling_back_to_a_named_model(models: Path) -> None:
    first, _, third = serve(models, "one", "two", "three")
    assert roll_back(models, by="ada", to=first) == first
    assert roll_back(models, by="ada", to=third) == third
    # Forward again is a move like any other: the way back leads to where it came from.
    assert roll_back(models, by="ada") == first
    roll_back(models, by="ada", to=first)
    assert len(journal(models)) == 6  # what serves already is no event


def test_rolling_back_to_what_never_served_is_refused(models: Path) -> None:
    serve(models, "one", "two")
    refused = judged(models, make_model(models, "three"), macro_f1=0.1)
    with pytest.raises(RefusedError):
        promote(models, refused, by="ada")
    for never in (refused, "0" * 12):
        with pytest.raises(DataError, match=f"model {never} has never served"):
            roll_back(models, by="ada", to=never)
    with pytest.raises(DataError, match="is not twelve hex digits"):
        roll_back(models, by="ada", to="../one")


@pytest.mark.parametrize("damage", ["changed", "file missing", "folder missing"])
def test_rolling_back_to_a_corrupt_model_is_refused_with_the_reason(
    models: Path, damage: str
) -> None:
    first, second = serve(models, "one", "two")
    weights = models / first / "model.int8.onnx"
    if damage == "changed":
        weights.write_text("eno", encoding="utf-8")
    elif damage == "file missing":
        weights.unlink()
    else:
        (models / first).rename(models / "elsewhere")
    said = "differs from its manifest" if damage == "changed" else "is missing"
    with pytest.raises(DataError, match=said):
        roll_back(models, by="ada")
    assert production_id(models) == second
    assert len(journal(models)) == 2


def test_rolling_back_to_a_model_that_this_code_cannot_serve_is_refused(models: Path) -> None:
    old = make_model(models, "old", rules="0" * 64)
    promote(models, judged(models, old), by="ada")
    (new,) = serve(models, "new")
    with pytest.raises(DataError, match="was trained with other text rules"):
        roll_back(models, by="ada")
    assert production_id(models) == new


def test_a_promotion_killed_before_the_pointer_is_finished_by_the_next_event(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = serve(models, "one")
    second = judged(models, make_model(models, "two"))
    killed_before_the_pointer(monkeypatch, promote, models, second, by="ada")
    assert production_id(models) == first
    assert moves(models)[-1] == ("promote", first, second)
    promote(models, second, by="ada")
    assert production_id(models) == second
    assert len(journal(models)) == 2


def test_a_rollback_killed_before_the_pointer_is_finished_by_the_next_event(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = serve(models, "one", "two")
    killed_before_the_pointer(monkeypatch, roll_back, models, by="ada")
    settle(models)
    assert production_id(models) == first
    assert len(journal(models)) == 3


def test_half_a_line_is_left_out_and_the_next_one_starts_anew(models: Path) -> None:
    (first,) = serve(models, "one")
    with (models / JOURNAL).open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-01-0')
    before = (models / JOURNAL).read_bytes()
    second = judged(models, make_model(models, "two"))
    promote(models, second, by="ada")
    after = (models / JOURNAL).read_bytes()
    assert after.startswith(before + b"\n{")
    assert json.loads(after.splitlines()[-1])["to"] == second
    assert roll_back(models, by="ada") == first


def test_the_journal_only_grows(models: Path) -> None:
    seen = b""
    for name in ("one", "two", "three"):
        serve(models, name)
        now = (models / JOURNAL).read_bytes()
        assert now.startswith(seen)
        assert len(now) > len(seen)
        seen = now
    roll_back(models, by="ada")
    assert (models / JOURNAL).read_bytes().startswith(seen)


def test_entries_from_before_the_gate_count_as_promotions(models: Path) -> None:
    first, second = make_model(models, "one"), make_model(models, "two")
    (models / JOURNAL).write_text(
        f'{{"at": "2026-01-02T03:04:05+00:00", "from": null, "to": "{first}", "by": "d_training", '
        '"figures": {"macro_f1_held_out": 0.5}}\n',
        encoding="utf-8",
    )
    settle(models)
    assert production_id(models) == first
    promote(models, judged(models, second), by="ada")
    assert roll_back(models, by="ada") == first


@pytest.mark.parametrize("content", ["", "{}", '{"model_id": "../../etc"}'])
def test_a_damaged_pointer_is_mended(models: Path, content: str) -> None:
    (first,) = serve(models, "one")
    (models / POINTER).write_text(content, encoding="utf-8")
    settle(models)
    assert production_id(models) == first
    assert len(journal(models)) == 1


def test_what_cannot_serve_is_not_pointed_to_again(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = serve(models, "one", "two")
    (models / second / "model.int8.onnx").unlink()
    (models / POINTER).unlink()
    settle(models)
    assert production_id(models) is None
    assert "cannot serve" in caplog.text
    assert roll_back(models, by="ada") == first


def test_a_trial_comes_before_anything_is_written(models: Path) -> None:
    first, second = serve(models, "a", "b")
    third = judged(models, make_model(models, "c"))
    before = journal(models)
    tried: list[Any] = []

    def fail(experiment: Any) -> None:
        tried.append(experiment)
        raise DataError("does not run")

    with pytest.raises(DataError, match="does not run"):
        promote(models, third, by="ada", trial=fail)
    with pytest.raises(DataError, match="does not run"):
        roll_back(models, by="ada", trial=fail)
    assert tried == [third, first]
    assert (production_id(models), journal(models)) == (second, before)
    promote(models, third, by="ada", trial=tried.append)
    assert (production_id(models), tried[-1]) == (third, third)


def test_what_the_gate_refuses_or_what_serves_is_not_tried(models: Path) -> None:
    (first,) = serve(models, "a")
    refused = judged(models, make_model(models, "b"), macro_f1=0.1)
    tried: list[Any] = []
    with pytest.raises(RefusedError):
        promote(models, refused, by="ada", trial=tried.append)
    promote(models, first, by="ada", trial=tried.append)
    assert tried == []
