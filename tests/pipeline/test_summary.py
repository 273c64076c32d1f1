"""What a run came to, read from what its stages left."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.models.label_mix import LabelMix, LabelShare
from common.models.verdict import Verdict, write_verdict
from common.stage.manifest import MANIFEST, Manifest, RowCounts
from pipeline.summary import make_command, summarize


def leave(folder: Path, *, taken: int, out: int, dropped: dict[str, int], **figures: Any) -> None:
    manifest = Manifest(
        stage=folder.name,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        key="0" * 12,
        code_sha256="",
        settings_sha256="",
        inputs=(),
        outputs=(),
        rows=RowCounts(taken=taken, out=out, dropped=dropped),
        seconds=1.0,
        figures=figures,
    )
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(manifest.model_dump_json(by_alias=True), encoding="utf-8")


def mix(
    settings: Settings,
    model_id: str,
    judged_by: str = "gold.csv",
    **shares: tuple[float, float, float],
) -> None:
    """Leave reports/label_mix.json; shares: share, low, high, listed by falling share."""
    ranked = sorted(shares.items(), key=lambda item: -item[1][0])
    found = LabelMix(
        model_id=model_id,
        messages=80,
        judged_by=judged_by,
        texts=410,
        labels={
            name: LabelShare(counted=0, share=share, interval_95=(low, high))
            for name, (share, low, high) in ranked
        },
    )
    settings.paths.reports.mkdir(parents=True)
    (settings.paths.reports / "label_mix.json").write_text(found.model_dump_json())


def own(run_dir: Path, **ingestion: Any) -> Settings:
    return Settings(run_dir=run_dir, ingestion=IngestionSettings(source="csv", **ingestion))


def test_rows_labels_model_outputs_and_the_next_command(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    paths = settings.paths
    leave(paths.raw, taken=110, out=100, dropped={"NUL byte": 10})
    leave(paths.curated, taken=100, out=80, dropped={"outbound": 20})
    left = {"left to the student": 30}
    leave(paths.labeled, taken=80, out=50, dropped=left, distinct_texts=45, texts_left=28)
    leave(paths.scored, taken=80, out=80, dropped={}, sources={"person": 3, "student": 77})
    model_id = "0123456789ab"
    mix(settings, model_id, late=(0.18, 0.16, 0.204), other=(0.82, 0.796, 0.84))
    (paths.reports / "labels.html").touch()
    (paths.models / "verdicts").mkdir(parents=True)
    (paths.models / "production.json").write_text(f'{{"model_id": "{model_id}"}}')
    verdict = Verdict(
        model_id=model_id,
        against=None,
        judged_at=datetime(2026, 1, 1, tzinfo=UTC),
        key="",
        rows="9 held-out texts",
        notes=("only 9 texts",),
        figures={"macro_f1": 0.5},
        checks=(),
    )
    write_verdict(paths.models, verdict)
    shown = summarize(settings, seconds={"ingestion": 1.6, "training": 60.0}, following="make x")
    width = len(f"{tmp_path}/reports/label_mix.json")
    assert shown.splitlines() == [
        "",
        "Done in 62 s: mine.csv",
        "  rows     110 in the source, of which",
        "            10 rejected: NUL byte",
        "            20 dropped: outbound",
        "             3 in data/scored, labeled by: person",
        "            77 in data/scored, labeled by: student",
        "  teacher  45 distinct texts labeled for training, 28 are left to the student",
        "  labels   82 % other (80 to 84), 18 % late (16 to 20)",
        "           corrected for the student's errors (95 % intervals) by 410 texts of gold.csv",
        "  model    0123456789ab serves: macro-F1 0.500 on 9 held-out texts",
        "           only 9 texts",
        "  time     ingestion 2 s, training 60 s",
        f"  outputs  {f'{tmp_path}/data/raw/quarantine':<{width}}  "
        "rows that can't be read, with the reason",
        f"           {f'{tmp_path}/reports/label_mix.json':<{width}}  "
        "the share of each label, with its interval",
        f"           {f'{tmp_path}/reports/labels.html':<{width}}  which texts each label got",
        f"           {f'{tmp_path}/models/{model_id}':<{width}}  "
        "the model (ONNX), with its metrics",
        "  next     make x",
    ]


def test_many_labels_are_listed_in_part(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    settings.paths.models.mkdir()
    (settings.paths.models / "production.json").write_text('{"model_id": "0123456789ab"}')
    shares = {f"label {k}": (0.1, 0.1, 0.1) for k in range(10)}
    mix(settings, "0123456789ab", judged_by="teacher", **shares)
    shown = summarize(settings, seconds={"ingestion": 1.0}, following="make x")
    assert "10 % label 7 (10 to 10), 20 % 2 others\n" in shown
    assert "by 410 held-out texts, as the teacher would label\n" in shown


def test_the_mix_of_another_model_is_not_shown(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    mix(settings, "ba9876543210", late=(1.0, 1.0, 1.0))
    assert "late" not in summarize(settings, seconds={"ingestion": 1.0}, following="make x")


def test_rows_that_are_missing_are_named(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    leave(settings.paths.raw, taken=1_100, out=1_000, dropped={"NUL byte": 100})
    leave(settings.paths.curated, taken=900, out=900, dropped={})
    leave(settings.paths.scored, taken=900, out=900, dropped={}, sources={"student": 900})
    shown = summarize(settings, seconds={}, following="make x")
    assert "           100 not accounted for: a stage has run alone; make pipeline\n" in shown


def test_a_run_on_own_data_never_speaks_of_generated_data(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    assert "generated" not in summarize(settings, seconds={}, following="make x")
    generated = summarize(Settings(run_dir=tmp_path), seconds={}, following="make x")
    assert "20,000 generated rows" in generated


def test_the_next_command_is_one_that_a_shell_takes() -> None:
    settings = own(Path("my runs"), csv=Path("my file.csv"), text_column="subject,body")
    assert make_command("score", settings, OUT="scored.csv") == (
        "make score CSV='my file.csv' TEXT_COLUMN=subject,body OUT=scored.csv RUN_DIR='my runs'"
    )
    assert make_command("pipeline", Settings()) == "make pipeline"
