"""A RUN_DIR with models that are small, and may serve."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from common.config.schema import Settings
from common.models import journal
from common.models.journal import Deployment
from common.models.registry import POINTER, production_id
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage, run_stage_once
from common.text import rules_sha256

Train = Callable[[int], list[str]]
Move = Callable[..., None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(run_dir=tmp_path / "[q1] #1")


def built(folder: Path) -> Built:
    for name in ("model.int8.onnx", "tokenizer.json", "labels.yaml"):
        (folder / name).write_text("1234", encoding="utf-8")
    facts = {"text_rules_sha256": rules_sha256(), "labels_sha256": "", "max_length": 8}
    facts |= {"temperature": 1, "abstain_threshold": 0}
    (folder / "metrics.json").write_text(json.dumps(facts), encoding="utf-8")
    return Built(RowCounts(taken=0, out=0), {})


@pytest.fixture
def train(settings: Settings) -> Train:
    """Makes so many models, each with cards, verdict and events; their ids, the oldest first."""
    paths = settings.paths

    def make(count: int) -> list[str]:
        ids = []
        for number in range(count):
            plan = plan_stage("d_training", code=(), settings=number, inputs=[])
            ids.append(plan.key)
            run_stage_once(plan, folder=paths.models / plan.key, build=built)
            run_stage(plan, output=paths.models / "cards" / plan.key, build=built)
            for path in (
                paths.models / "verdicts" / f"{plan.key}.json",
                paths.tensorboard / plan.key / "events",
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}", encoding="utf-8")
        return ids

    return make


@pytest.fixture
def move(settings: Settings) -> Move:
    """Lets models serve in turn."""
    models = settings.paths.models

    def let_serve(*ids: str, action: Literal["promote", "rollback"] = "promote") -> None:
        for model_id in ids:
            entry = Deployment(action=action, before=production_id(models), to=model_id, by="ada")
            journal.append(models, entry)
            (models / POINTER).write_text(f'{{"model_id": "{model_id}"}}', encoding="utf-8")

    return let_serve
