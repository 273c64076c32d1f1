"""Which processes a command runs, and with what."""

from pathlib import Path
from typing import Any

import pytest

from common.config.gate import GateSettings
from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from pipeline import smoke
from pipeline.steps import chain_steps, evaluate_steps, score_step, whole_steps
from tests.names import FILES

SAMPLE = Settings(run_dir=Path("run"))


def test_the_data_stages_in_their_order() -> None:
    steps = chain_steps(SAMPLE, force=True, tuned=True)
    assert [step.name for step in steps] == [
        "ingestion", "transformation", "classification", "training", "scoring",
    ]  # fmt: skip
    assert [step.commands for step in steps] == [
        (("a_ingestion",),),
        (("b_transformation",),),
        (("c_classification",),),
        (("d_training", "--force", "--tuned"),),
        (("e_apification", "score", "--relabel"),),
    ]
    assert "generated" in steps[0].does


def test_make_evaluates_where_there_is_gold_then_reports_and_serves() -> None:
    *_, training, scoring, serving = whole_steps(SAMPLE)
    assert [command[0] for command in training.commands] == [
        "d_training", "c_classification.gold.label_table", "c_classification.gold.wording",
        "d_training.evaluation",
    ]  # fmt: skip
    assert "--gold=run/data/raw/gold.csv" in training.commands[3]
    assert scoring.commands == (("e_apification", "score", "--relabel"), ("d_training.report",))
    assert serving.commands == (("e_apification.launch", "start"),)


def test_own_data_without_gold_is_not_evaluated() -> None:
    own = Settings(ingestion=IngestionSettings(source="csv", csv=Path("mine.csv")))
    training = whole_steps(own)[3]
    assert [command[0] for command in training.commands] == ["d_training"]
    assert not any("generated" in step.does for step in whole_steps(own))


@pytest.mark.parametrize("name", FILES)
def test_names_are_handed_on_as_they_are(name: Any) -> None:
    (teacher,), (wording,), (scores,) = (
        step.commands for step in evaluate_steps(Settings(run_dir=Path("runs", name)), Path(name))
    )
    reports = f"runs/{name}/reports"
    answers = f"{reports}/teacher_on_gold.parquet", f"{reports}/wording_on_gold.parquet"
    assert teacher[1:] == (f"--csv={name}", f"--out={answers[0]}")
    assert wording[1:] == (f"--csv={name}", f"--out={answers[1]}")
    assert scores[1:] == (f"--gold={name}", f"--teacher={answers[0]}", f"--wording={answers[1]}")
    (score,) = score_step(Path(name), Path(name)).commands
    assert score[2:] == (f"--csv={name}", f"--out={name}")


def test_a_smoke_run_takes_a_seeded_sample_of_rows_and_gold(tmp_path: Path) -> None:
    lines = [f'{number},"message, {number}\nsecond line"' for number in range(1_000)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,text", *lines, ""]), encoding="utf-8")
    gold = [f"text {number},other" for number in range(300)]
    (tmp_path / "gold.csv").write_text("\n".join(["text,label", *gold, ""]), encoding="utf-8")
    settings = Settings(
        run_dir=tmp_path,
        ingestion=IngestionSettings(source="csv", csv=tmp_path / "mine.csv"),
        gate=GateSettings(gold=tmp_path / "gold.csv"),
    )
    overrides = smoke.prepare(settings)
    folder = tmp_path / ".smoke"
    assert f"run_dir={folder}" in overrides
    assert f"ingestion.csv={folder / 'sample.csv'}" in overrides
    assert f"gate.gold={folder / 'gold.csv'}" in overrides
    sample = (folder / "sample.csv").read_bytes()
    header, *rows = sample.decode().split("\r\n")[:-1]
    assert header == '"id","text"'
    assert len(rows) == 400
    numbers = [int(row.split('"')[1]) for row in rows]
    assert numbers == sorted(set(numbers))
    assert max(numbers) > 900 > 100 > min(numbers)
    assert rows[0] == f'"{numbers[0]}","message, {numbers[0]}\nsecond line"'
    assert len((folder / "gold.csv").read_text(encoding="utf-8").splitlines()) == 201
    smoke.prepare(settings)
    assert (folder / "sample.csv").read_bytes() == sample


def test_a_small_file_is_taken_whole(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("text\nhello\nthere\n", encoding="utf-8")
    ingestion = IngestionSettings(source="csv", csv=tmp_path / "mine.csv")
    smoke.prepare(Settings(run_dir=tmp_path, ingestion=ingestion))
    sample = (tmp_path / ".smoke" / "sample.csv").read_text(encoding="utf-8")
    assert sample.splitlines() == ['"text"', '"hello"', '"there"']
