"""Which text rules go with a model."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import DataError
from common.models.metrics import production_rules
from common.text import TextRules

MODEL_ID = "0123456789ab"
FACTS = {
    "max_length": 8, "temperature": 1.0, "abstain_threshold": 0.5, "labels_sha256": "",
    "text_rules_sha256": "",
}  # fmt: skip


def write(models: Path, **facts: Any) -> Path:
    (models / MODEL_ID).mkdir(parents=True)
    (models / MODEL_ID / "metrics.json").write_text(json.dumps(FACTS | facts), encoding="utf-8")
    (models / "production.json").write_text(json.dumps({"model_id": MODEL_ID}), encoding="utf-8")
    return models


@pytest.mark.parametrize(
    ("facts", "cut_mail"), [({}, False), ({"cut_mail": False}, False), ({"cut_mail": True}, True)]
)
def test_the_production_model_says_whether_mails_are_cut(
    tmp_path: Path, facts: dict[str, Any], cut_mail: bool
) -> None:
    assert production_rules(write(tmp_path, **facts)) == TextRules(cut_mail=cut_mail)


def test_without_a_model_nothing_is_cut(tmp_path: Path) -> None:
    assert production_rules(tmp_path) == TextRules(cut_mail=False)


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    models = write(tmp_path)
    (models / MODEL_ID / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.json lacks what"):
        production_rules(models)
