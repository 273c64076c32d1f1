import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.models.evaluation import EVALUATION, Evaluation
from common.models.label_mix import LABEL_MIX, LabelMix, LabelShare
from common.stage.manifest import Manifest, RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage
from d_training.report.page import write_report
from tests.d_training.conftest import Two

SCRIPT = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Tags and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(self.html)

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: Any) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page_of(settings: Settings) -> Page:
    return Page(write_report(settings))


def scores(macro_f1: float) -> dict[str, Any]:
    return {
        "accuracy": 0.5,
        "macro_f1": macro_f1,
        "macro_f1_interval_95": [macro_f1 - 0.125, macro_f1 + 0.125],
        "per_label": {},
        "coverage": 1,
        "accuracy_at_coverage": 0.5,
        "accuracy_at_70": 0.5,
        "expected_calibration_error": 0.0625,
        "coverage_curve": [],
        "reliability": [],
    }


def write_evaluation(settings: Settings, model: str, **gold: Any) -> None:
    evaluation: dict[str, Any] = {
        "key": "fed",
        "created_at": "2026-01-02T03:04:05Z",
        "model_id": model,
        "labels": [],
        "gold": {"file": "g.csv", "texts": 1234, "left_out": {}, "generated": False} | gold,
        "teacher": scores(0.75),
        "student": scores(0.71875),
        "baselines": {"majority": {**scores(0.25)}},
        "served": "model.int8.onnx",
        "int8": {
            "float32_macro_f1": 0.5,
            "int8_macro_f1": 0.5,
            "difference": -0.004,
            "equal_labels": 0.985,
        },
        "unseen": {"texts": 0, "teacher_macro_f1": None, "student_macro_f1": None},
        "hand_labels": None,
    }
    settings.paths.reports.mkdir(exist_ok=True)
    text = Evaluation.model_validate(evaluation).model_dump_json()
    (settings.paths.reports / EVALUATION).write_text(text, "utf-8")


def test_of_an_empty_run_everything_is_named_with_its_command(tmp_path: Path) -> None:
    page = page_of(Settings(run_dir=tmp_path))
    for said in (
        "a_ingestion not here, or not whole : make data_ingestion",
        "b_transformation not here, or not whole : make data_transformation",
        "c_classification not here, or not whole : make classify",
        "d_training not here : make train_model",
        "No evaluation yet. make evaluate GOLD=file.csv makes it.",
        "No shares of the labels by the model that serves. make score makes it.",
        "No model yet. make train_model makes it.",
        "Nothing was deployed yet. make train_model makes it.",
        "labels.html, which is not here yet",
    ):
        assert said in page.text, said


def test_page_tells_of_the_newest_model_and_the_earlier_ones(two: Two) -> None:
    page = page_of(two.good)
    assert two.poor_id in page.text and two.good_id in page.text
    newest = page.text.index("newest model")
    assert page.text[newest:].startswith(f"newest model {two.poor_id}")
    assert f"serves {two.good_id}" in page.text
    # The one that is not judged is the newest.
    assert "The gate has not judged it." in page.text
    assert "c_classification 480 480 none" in page.text
    assert re.search(rf"promote none {two.good_id} \S+, train_model", page.text)
    assert page.sources.count(f"../models/cards/{two.good_id}/model_card.md") == 1
    assert page.sources.count(f"../models/cards/{two.good_id}/data_card.md") == 1
    assert "as exported" in page.text and "optimised" in page.text


def test_verdict_is_a_table_of_checks(trained: tuple[Settings, Manifest]) -> None:
    page = page_of(trained[0])
    assert f"promote : model {trained[1].key} against none" in page.text
    assert "no production model to compare with" in page.text
    assert "calibration error against soft labels 0.0" in page.text
    assert "INT8 agrees with float32" in page.text
    assert "at least 0.4 passed" in page.text


def test_evaluation_fills_the_scores_and_its_model_s_row(two: Two) -> None:
    write_evaluation(two.good, two.good_id)
    page = page_of(two.good)
    assert "1,234 texts of g.csv , by model" in page.text
    assert f"{two.good_id}, which is not the newest" in page.text
    assert "student 0.500 0.719 0.594 to 0.844 0.062" in page.text
    assert "INT8 against float32: macro-F1 difference -0.004, equal labels 98.5 %" in page.text
    assert "generated" not in page.text
    row = page.text[page.text.index("Models model") :]
    assert re.search(
        rf"{two.good_id} [01]\.\d+ [01]\.\d+ to [01]\.\d+ 0\.719 promote model\.int8", row
    )


@pytest.mark.parametrize(
    ("judged_by", "known"), [("gold.csv", "410 texts of gold.csv"), ("teacher", "410 held-out")]
)
def test_shares_of_the_labels_are_those_of_the_serving_model(
    two: Two, judged_by: str, known: str
) -> None:
    target = two.good.paths.reports / LABEL_MIX
    shares = {"shipping": LabelShare(counted=0.3, share=0.25, interval_95=(0.22, 0.28))}
    for model_id, shown in ((two.good_id, True), (two.poor_id, False)):
        mix = LabelMix(
            model_id=model_id, messages=1_234, judged_by=judged_by, texts=410, labels=shares
        )
        target.write_text(mix.model_dump_json())
        text = page_of(two.good).text
        assert ("shipping 25 % 22 to 28 % 30 %" in text) is shown
        assert (f"Shares of 1,234 messages, corrected for the errors of model {model_id}, which "
                f"are known from {known}" in text) is shown  # fmt: skip
    target.unlink()


def test_a_model_of_an_older_version_is_left_out_by_name(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    path = two.models / two.good_id / "metrics.json"
    size, facts = path.stat().st_size, json.loads(path.read_bytes())
    older = {name: facts[name] for name in facts if name not in ("served", "exports", "slices")}
    # As long as before, so that the manifest takes it for whole.
    path.write_text(json.dumps(older).ljust(size), encoding="utf-8")
    page = page_of(two.good)
    assert f"../models/cards/{two.good_id}/data_card.md" not in page.sources
    assert f"{path} lacks what this version of the code needs (slices: Field required; 2" in (
        caplog.text
    )


def test_page_stands_alone(two: Two) -> None:
    write_evaluation(two.good, two.good_id)
    page = page_of(two.good)
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    pictures = [source for source in page.sources if not source.startswith("../models/")]
    assert len(pictures) == 4
    assert all(source.startswith("data:image/png;base64,") for source in pictures)
    assert not re.search(r"url\(|@import|https?://", page.html)
    assert "prefers-color-scheme: dark" in page.html


def test_what_files_say_never_becomes_markup(two: Two) -> None:
    write_evaluation(two.good, two.good_id, file=SCRIPT)

    def build(folder: Path) -> Built:
        dropped = {SCRIPT: 1}
        return Built(RowCounts.model_validate({"in": 1, "out": 0, "dropped": dropped}), {})

    plan = plan_stage("a_ingestion", code=(), settings=1, inputs=[])
    run_stage(plan, output=two.good.paths.raw, build=build)
    quality = {"checks": [{"name": SCRIPT, "value": "1", "limit": "2", "passed": False}]}
    (two.good.paths.reports / "quality.json").write_text(json.dumps(quality), "utf-8")
    page = page_of(two.good)
    assert "script" not in page.tags
    assert page.text.count(SCRIPT) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"teacher": 1}'])
def test_damaged_files_are_told_or_left_out(two: Two, content: str) -> None:
    two.good.paths.reports.mkdir(exist_ok=True)
    (two.good.paths.reports / EVALUATION).write_text(content, encoding="utf-8")
    (two.good.paths.reports / "quality.json").write_text(content, encoding="utf-8")
    (two.models / "production.json").write_text(content, encoding="utf-8")
    (two.models / two.poor_id / "metrics.json").write_text(content, encoding="utf-8")
    (two.good.paths.labeled / "manifest.json").write_text(content or "x", encoding="utf-8")
    page = page_of(two.good)
    assert "No evaluation yet." in page.text
    assert "models/production.json is damaged." in page.text
    assert "c_classification its manifest is damaged : make classify" in page.text
    assert two.poor_id not in page.text
