"""What a run came to, read from what its stages left."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
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


def own(run_dir: Path, **ingestion: Any) -> Settings:
    return Settings(run_dir=run_dir, ingestion=IngestionSettings(source="csv", **ingestion))


def test_rows_labels_model_outputs_and_the_next_command(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    paths = settings.paths
    leave(paths.raw, taken=110, out=100, dropped={"NUL byte": 10})
    leave(paths.curated, taken=100, out=80, dropped={"outbound": 20})
    labels = {"late": 20, "other": 50}
    leave(paths.labeled, taken=80, out=80, dropped={}, labels=labels, abstained=10)
    paths.reports.mkdir()
    (paths.reports / "labels.html").touch()
    model_id = "0123456789ab"
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
    width = len(f"{tmp_path}/models/{model_id}")
    assert shown.splitlines() == [
        "",
        "Done in 62 s: mine.csv",
        "  rows     110 in the source, 100 landed, 80 messages, 80 labeled",
        "  labels   other 62 %, late 25 %, none 12 %",
        "  model    0123456789ab serves: macro-F1 0.500 on 9 held-out texts",
        "           only 9 texts",
        "  time     ingestion 2 s, training 60 s",
        f"  outputs  {f'{tmp_path}/data/raw/quarantine':<{width}}  "
        "rows that can't be read, with the reason",
        f"           {f'{tmp_path}/reports/labels.html':<{width}}  which texts each label got",
        f"           {tmp_path}/models/{model_id}  the model (ONNX), with its metrics",
        "  next     make x",
    ]


def test_many_labels_are_listed_in_part(tmp_path: Path) -> None:
    settings = own(tmp_path, csv=Path("mine.csv"))
    labels = {f"label {k}": 10 for k in range(10)}
    leave(settings.paths.labeled, taken=100, out=100, dropped={}, labels=labels, abstained=0)
    shown = summarize(settings, seconds={"ingestion": 1.0}, following="make x")
    assert "label 7 10 %, 2 others 20 %, none 0 %" in shown
    assert "model" not in shown


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
