import io
import json
from pathlib import Path

import pytest

from e_apification.__main__ import main

REFUND = {
    "label": "billing",
    "confidence": 0.691438,
    "scores": {"billing": 0.691438, "delivery": 0.154281, "other": 0.154281},
    "abstained": False,
    "truncated": False,
    "readable": True,
    "model_id": "0123456789ab",
}


def test_each_text_gets_a_line_of_json(
    models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--set", f"run_dir={models_dir.parent}"]
    assert main(["predict", "refund", "nothing known", *where]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == REFUND
    assert (lines[1]["label"], lines[1]["abstained"]) == (None, True)


def test_lines_of_standard_input_are_texts(
    models_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("parcel\r\nhello\n"))
    assert main(["predict", "-", "--set", f"run_dir={models_dir.parent}"]) == 0
    lines = [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["delivery", "other"]


def test_an_empty_text_and_a_missing_model_are_readable_errors(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", " ", "--set", f"run_dir={models_dir.parent}"]) == 1
    assert "an empty text has no label" in capsys.readouterr().err
    assert main(["predict", "refund", "--set", f"run_dir={tmp_path}"]) == 1
    assert "make train_model" in capsys.readouterr().err


def test_score_is_reached_from_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["score", "--help"])
    assert ended.value.code == 0
    assert "python -m e_apification score" in capsys.readouterr().out
