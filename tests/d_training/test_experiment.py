"""An experiment's and a study's name follow from all that decides what comes out."""

from collections.abc import Callable
from typing import Any

import pytest

from common.config.schema import Settings
from common.stage.manifest import Manifest
from d_training.experiment import Experiment
from d_training.tuning.plan import study_plan


@pytest.mark.parametrize(
    "key",
    [lambda settings: Experiment(settings, tuned=False).model_id, lambda s: study_plan(s).key],
    ids=["experiment", "study"],
)
def test_synthetic_messages_are_among_it(
    trained: tuple[Settings, Manifest], key: Callable[..., Any]
) -> None:
    settings, _ = trained
    found = [key(settings)]
    more = settings.labels.read_text(encoding="utf-8") + "synthetic: more.csv\n"
    settings.labels.write_text(more, encoding="utf-8")
    for text in ("refund me", "pay me back"):
        (settings.labels.parent / "more.csv").write_text(f"label,text\nbill,{text}\n")
        found.append(key(settings))
    assert len(set(found)) == 3
