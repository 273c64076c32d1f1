"""An experiment's and a study's name follow from all that decides what comes out."""

import pytest

from d_training.experiment import experiment_plan, start_checkpoint, study_plan


@pytest.mark.parametrize(
    "key",
    [lambda s, c: experiment_plan(s, c, None).key, lambda s, c: study_plan(s, c).key],
    ids=["experiment", "study"],
)
def test_synthetic_messages_are_among_it(trained, key):
    settings, _ = trained
    checkpoint = start_checkpoint(settings)
    found = [key(settings, checkpoint)]
    more = settings.labels.read_text(encoding="utf-8") + "synthetic: more.csv\n"
    settings.labels.write_text(more, encoding="utf-8")
    for text in ("refund me", "pay me back"):
        (settings.labels.parent / "more.csv").write_text(f"label,text\nbill,{text}\n")
        found.append(key(settings, checkpoint))
    assert len(set(found)) == 3
