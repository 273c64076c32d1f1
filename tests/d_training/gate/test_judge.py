import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.config.gate import GateSettings
from common.config.schema import Settings
from common.errors import DataError
from common.labels import load_labels
from common.models.verdict import Verdict
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once
from d_training.gate.judge import judge as judge_model
from d_training.gate.judge import median_latency_ms, verdict_key
from d_training.gate.table import gate_table
from tests.d_training.conftest import Toy, Two

ONE_LABEL = "labels that the model gives"


def limited(settings: Settings, **limits: Any) -> Settings:
    return settings.model_copy(update={"gate": GateSettings(**limits)})


def judge(settings: Settings, model_id: str, *, against: str | None) -> Verdict:
    return judge_model(
        settings.paths,
        model_id,
        against=against,
        schema=load_labels(settings.labels),
        limits=settings.gate,
        seed=settings.seed,
        threads=settings.serving.threads,
    )


def key(settings: Settings, model_id: str, against: str | None) -> str:
    return verdict_key(settings.gate, model_id, against=against, seed=settings.seed)


def failed(verdict: Any) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def write_gold(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text("text,label\n" + "".join(f"{t},{name}\n" for t, name in rows), "utf-8")
    return path


def changed_model(two: Two, change: Callable[[Path], None]) -> str:
    """Another whole model folder: the good one's files, of which ``change`` changes some."""

    def build(folder: Path) -> Built:
        for path in (two.models / two.good_id).iterdir():
            if path.is_file() and path.name != "manifest.json":
                shutil.copyfile(path, folder / path.name)
        change(folder)
        return Built(RowCounts(taken=0, out=0), {})

    plan = plan_stage("d_training", code=(), settings=change.__name__, inputs=[])
    run_stage_once(plan, folder=two.models / plan.key, build=build)
    return plan.key


def figures(verdict: Verdict) -> dict[str, float]:
    return {name: value for name, value in verdict.figures.items() if value is not None}


def test_a_first_model_must_reach_the_least_macro_f1(two: Two) -> None:
    verdict = judge(two.good, two.good_id, against=None)
    assert [(c.name, c.rule, c.limit) for c in verdict.checks] == [
        ("macro-F1", "at least", 0.4),
        ("labels among the texts", "at least", 2),
        ("labels that the model gives", "at least", 2),
        ("calibration error against soft labels", "at most", 0.2),
        ("latency p50, ms", "at most", 50),
    ]
    assert [(c.name, c.passed) for c in verdict.int8] == [
        ("INT8 agrees with float32", True),
        ("macro-F1 lost by INT8", True),
        ("calibration error added by INT8", True),
        ("answered by INT8 or float32 alone", True),
        ("INT8, times as fast", True),
    ]
    assert verdict.promote
    facts = json.loads((two.models / two.good_id / "metrics.json").read_bytes())
    assert verdict.figures["macro_f1"] == pytest.approx(facts["held_out"]["macro_f1"])
    assert verdict.rows.startswith(f"{facts['held_out']['texts_labeled_by_teacher']} held-out")
    # The poor model gives every text one label.
    assert failed(judge(two.poor, two.poor_id, against=None)) == ["macro-F1", ONE_LABEL]
    assert failed(judge(limited(two.poor, min_macro_f1=0.05), two.poor_id, against=None)) == [
        ONE_LABEL
    ]


def test_a_worse_model_is_refused_and_a_better_one_promoted(two: Two) -> None:
    worse = judge(two.poor, two.poor_id, against=two.good_id)
    assert not worse.promote
    assert failed(worse)[0] == "chance of losing over 0.02 macro-F1"
    assert failed(worse)[1].startswith("recall lost, ")
    assert figures(worse)["difference"] < -0.4
    assert figures(worse)["difference_low"] < figures(worse)["difference"]
    assert figures(worse)["difference"] < figures(worse)["difference_high"] < 0
    better = judge(two.good, two.good_id, against=two.poor_id)
    assert better.promote
    assert figures(better)["difference"] == pytest.approx(-figures(worse)["difference"])
    # Both were parted alike: neither has seen what it is judged on.
    assert better.notes == ()


def test_the_tolerance_and_the_recall_limit_are_settings(two: Two) -> None:
    lenient = limited(two.poor, tolerance=1, min_support=10_000)
    assert failed(judge(lenient, two.poor_id, against=two.good_id)) == [ONE_LABEL]
    strict = limited(two.poor, tolerance=1)
    name, _ = failed(judge(strict, two.poor_id, against=two.good_id))
    assert name.startswith("recall lost, ")


def test_recall_counts_where_a_label_has_the_least_support(two: Two, tmp_path: Path) -> None:
    texts = [("my parcel late", "parcel"), ("i charged twice", "bill"), ("thanks", "rest")] * 8
    gold = write_gold(tmp_path / "gold.csv", texts)

    def names(min_support: int) -> list[str]:
        limits = limited(two.poor, gold=gold, tolerance=1, min_support=min_support)
        return failed(judge(limits, two.poor_id, against=two.good_id))

    name, _ = names(8)
    assert name.startswith("recall lost, ")
    assert names(9) == [ONE_LABEL]


def test_interval_and_chance_are_those_of_the_resamples(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = np.arange(-500, 501) / 1_000
    monkeypatch.setattr("d_training.gate.judge.paired_differences", lambda *_, **__: drawn)
    verdict = judge(limited(two.good, tolerance=0.25), two.good_id, against=two.good_id)
    found = figures(verdict)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((-0.475, 0.475))
    # 250 of 1,001 lose more than a quarter; the one that loses just that is let through.
    assert found["chance of losing over 0.25 macro-F1"] == pytest.approx(250 / 1_001)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"max_calibration_error": 0}, "calibration error against soft labels"),
        ({"max_latency_ms": 1e-6}, "latency p50, ms"),
    ],
)
def test_each_limit_refuses_alone(two: Two, limits: dict[Any, Any], name: str) -> None:
    assert failed(judge(limited(two.good, **limits), two.good_id, against=None)) == [name]


def test_where_int8_failed_float32_is_judged(two: Two) -> None:
    def float32(folder: Path) -> None:
        facts = json.loads((folder / "metrics.json").read_bytes())
        facts["served"] = "model.onnx"
        facts["int8_checks"][0] |= {"value": 0.7, "passed": False}
        (folder / "metrics.json").write_text(json.dumps(facts), encoding="utf-8")
        (folder / "model.int8.onnx").write_bytes(b"no model")

    verdict = judge(two.good, changed_model(two, float32), against=None)
    assert verdict.promote
    assert figures(verdict)["macro_f1"] > 0.95
    row = next(line for line in gate_table(verdict).splitlines() if line.startswith("INT8 agrees"))
    assert row.split()[4:] == ["0.700", "at", "least", "0.9", "float32", "serves"]


def test_gold_takes_the_place_of_held_out_rows(two: Two, tmp_path: Path) -> None:
    texts = [("my parcel late", "parcel"), ("i charged twice", "bill"), ("thanks", "rest")] * 8
    gold = write_gold(tmp_path / "gold.csv", texts)
    verdict = judge(limited(two.good, gold=gold), two.good_id, against=None)
    assert verdict.rows == f"24 texts of {gold}, labeled by people"
    assert figures(verdict)["macro_f1"] == 1.0
    wrong = {"parcel": "bill", "bill": "rest", "rest": "parcel"}
    gold = write_gold(gold, [(text, wrong[name]) for text, name in texts])
    against_people = judge(limited(two.good, gold=gold), two.good_id, against=None)
    assert failed(against_people) == ["macro-F1", "calibration error"]
    assert against_people.figures["macro_f1"] == 0.0


def test_texts_of_one_label_promote_no_model(two: Two, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold.csv", [("my parcel late", "parcel")] * 60)
    verdict = judge(limited(two.good, gold=gold), two.good_id, against=None)
    assert figures(verdict)["macro_f1"] == 1.0
    assert failed(verdict) == ["labels among the texts", "labels that the model gives"]
    assert verdict.notes == (
        "no production model to compare with",
        "all 60 texts are labeled 'parcel': no score can tell models apart",
        "the model gives every text the label 'parcel'",
    )
    assert verdict.reasons[0] == "labels among the texts is 1, at least 2 is asked for"
    # Neither a lower limit nor a production model as constant lets it through.
    lenient = limited(two.good, gold=gold, min_macro_f1=0)
    assert not judge(lenient, two.good_id, against=two.good_id).promote


def test_a_model_that_gives_one_label_is_refused(two: Two, tmp_path: Path) -> None:
    rows = [("my parcel late", "parcel")] * 59 + [("my parcel is late", "bill")]
    gold = write_gold(tmp_path / "gold.csv", rows)
    limits = limited(two.good, gold=gold, min_macro_f1=0)
    verdict = judge(limits, two.good_id, against=None)
    assert failed(verdict) == [ONE_LABEL]
    assert "no text is labeled 'rest': nothing is known about this label" in verdict.notes


def test_texts_seen_in_training_are_told(two: Two, toy: Toy, tmp_path: Path) -> None:
    rows = [(row["text"], row["label"]) for row in toy.rows() if row["label"]][:60]
    settings = limited(two.poor, gold=write_gold(tmp_path / "gold.csv", rows))
    verdict = judge(settings, two.poor_id, against=two.good_id)
    seen = int(figures(verdict)["seen_by_production"])
    # A fifth of the conversations is held out as test.
    assert 35 <= seen <= 57
    assert verdict.notes[0] == f"seen in training: {seen} texts by production, {seen} by the new"


def test_production_that_cannot_be_compared_leaves_the_least_macro_f1(two: Two) -> None:
    def rename(folder: Path) -> None:
        labels = (folder / "labels.yaml").read_text(encoding="utf-8")
        (folder / "labels.yaml").write_text(labels.replace("name: bill", "name: money"))

    renamed = changed_model(two, rename)
    other = judge(two.good, two.good_id, against=renamed)
    assert other.checks[0].name == "macro-F1"
    assert other.notes == (f"production model {renamed} has other labels: parcel, money, rest",)
    (two.models / two.poor_id / "tokenizer.json").unlink()
    damaged = judge(two.good, two.good_id, against=two.poor_id)
    assert damaged.checks[0].name == "macro-F1"
    assert "production cannot be scored" in damaged.notes[0]


def test_labels_in_another_order_are_the_same_labels(two: Two) -> None:
    def reorder(folder: Path) -> None:
        text = (folder / "labels.yaml").read_text(encoding="utf-8")
        head, parcel, bill, rest = text.split("  - name:")
        parts = [head, bill, parcel, rest]
        (folder / "labels.yaml").write_text("  - name:".join(parts), encoding="utf-8")

    # Its file says bill first, its output has parcel first: so it is wrong about both.
    verdict = judge(two.good, two.good_id, against=changed_model(two, reorder))
    assert figures(verdict)["production_macro_f1"] < 0.5
    assert figures(verdict)["macro_f1"] > 0.95


def test_a_changed_candidate_is_not_loaded(two: Two) -> None:
    (two.models / two.good_id / "model.int8.onnx").write_bytes(b"onnx")
    with pytest.raises(DataError, match="differs from its manifest"):
        judge(two.good, two.good_id, against=None)


def test_key_follows_what_decides(two: Two, tmp_path: Path) -> None:
    keys = [key(two.good, two.good_id, None)]
    keys.append(key(two.good, two.good_id, two.poor_id))
    keys.append(key(limited(two.good, tolerance=0.5), two.good_id, None))
    gold = write_gold(tmp_path / "gold.csv", [("a", "bill")])
    keys.append(key(limited(two.good, gold=gold), two.good_id, None))
    write_gold(gold, [("b", "bill")])
    keys.append(key(limited(two.good, gold=gold), two.good_id, None))
    assert len(set(keys)) == 5
    assert key(two.good, two.good_id, None) == keys[0]
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        key(limited(two.good, gold=tmp_path / "none.csv"), two.good_id, None)


def test_latency_of_few_texts_is_measured_too(two: Two) -> None:
    taken = median_latency_ms(two.models / two.good_id, ["thanks"], max_length=16, threads=1)
    assert 0 < taken < 1_000


def test_table_shows_limits_and_the_answer(two: Two) -> None:
    shown = gate_table(judge(two.poor, two.poor_id, against=two.good_id))
    lines = shown.splitlines()
    assert lines[0].startswith(f"Gate: model {two.poor_id} against {two.good_id}, on ")
    assert lines[1] == "the model gives every text the label 'rest'"
    assert "95 % interval" in lines[2]
    row = next(line for line in lines if line.startswith("chance of losing"))
    assert row.split()[-4:] == ["at", "most", "0.5", "FAILED"]
    assert lines[-1] == "verdict: refuse"
