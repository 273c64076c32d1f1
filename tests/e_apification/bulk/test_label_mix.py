"""reports/label_mix.json: people's labels counted, the student's corrected."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.config.schema import Settings
from common.models.label_mix import find_label_mix
from common.stage.manifest import Manifest, RowCounts
from e_apification.bulk.label_mix import make_label_mix, write_label_mix
from tests.e_apification.conftest import MODEL_ID

# 0.25 * (0.6, 0.2, 0.2) + 0.75 * (0.1, 0.5, 0.4) = (0.225, 0.425, 0.35)
JUDGED = ((60, 20, 20), (10, 50, 40))


def scored(**figures: Any) -> Manifest:
    return Manifest(
        stage="e_apification", created_at=datetime(2026, 1, 1, tzinfo=UTC), key="0" * 12,
        code_sha256="", settings_sha256="", inputs=(), outputs=(),
        rows=RowCounts(taken=figures["rows"], out=figures["rows"]), seconds=1.0, figures=figures,
    )  # fmt: skip


def test_people_count_as_they_are_and_the_student_is_corrected() -> None:
    manifest = scored(
        rows=2_000,
        labels={"bill": 1_225, "rest": 425},
        abstained=350,
        labels_of_people={"bill": 1_000},
        models={MODEL_ID: 1_000},
    )
    found = make_label_mix(manifest, ("bill", "rest"), judged_by="gold.csv", judged=JUDGED, seed=1)
    assert (found.model_id, found.messages, found.texts) == (MODEL_ID, 2_000, 200)
    assert list(found.labels) == ["bill", "rest"]
    bill = found.labels["bill"]
    assert bill.counted == pytest.approx(0.6125, abs=1e-4)
    assert bill.share == pytest.approx(0.5 + 0.5 * 0.25, abs=1e-3)
    low, high = bill.interval_95
    assert 0.5 < low < 0.6 < 0.65 < high < 0.75


def test_labels_of_people_alone_are_counted() -> None:
    manifest = scored(
        rows=4, labels={"bill": 1, "rest": 3}, abstained=0,
        labels_of_people={"bill": 1, "rest": 3}, models={},
    )  # fmt: skip
    found = make_label_mix(manifest, ("bill", "rest"), judged_by="teacher", judged=JUDGED, seed=1)
    assert found.labels["rest"].share == 0.75
    assert found.labels["rest"].interval_95 == (0.75, 0.75)


def test_labels_of_another_model_leave_no_mix(
    make_models: Callable[..., Path], tmp_path: Path
) -> None:
    shutil.copytree(make_models(), tmp_path / "models")
    settings = Settings(run_dir=tmp_path)
    settings.paths.reports.mkdir()
    (settings.paths.reports / "label_mix.json").write_text("{}")
    manifest = scored(
        rows=4, labels={}, abstained=4, labels_of_people={}, models={MODEL_ID: 3, "f" * 12: 1}
    )
    assert write_label_mix(settings, manifest, folder=tmp_path / "models" / MODEL_ID) is None
    assert find_label_mix(settings.paths.reports) is None
    assert not (settings.paths.reports / "label_mix.json").exists()
