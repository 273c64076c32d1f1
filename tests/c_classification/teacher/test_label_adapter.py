import json

from c_classification.teacher.embedding import course_of
from c_classification.teacher.label_adapter.shipped import ADAPTER, MADE, WEIGHTS
from common.config.settings import ROOT, load_settings
from common.labels import load_labels
from common.onnx.wheels import MPNET_SHA256
from common.stage.files import sha256_of


def test_the_shipped_adapter_is_that_of_the_shipped_labels_file() -> None:
    """Where it fails: run `python -m c_classification.teacher.label_adapter`."""
    chosen = load_settings(profile="sample").settings.classification
    course = course_of(chosen, load_labels(ROOT / "conf" / "labels.yaml"))
    assert chosen.embedding.checkpoint == "mpnet-wheels"
    assert json.loads((WEIGHTS / MADE).read_text(encoding="utf-8")) == {
        "course_sha256": course.sha256,
        "base_sha256": MPNET_SHA256,
        "adapter_sha256": sha256_of(WEIGHTS / ADAPTER),
    }
