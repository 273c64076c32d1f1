"""Make the adapter that the project ships, from the labels file and settings of profile sample.

    python -m c_classification.teacher.label_adapter

Writes adapter_config.json, adapter_model.safetensors and made.json into the folder weights: the
digests by which shipped.py finds out whether the adapter fits. To run after any change of
conf/labels.yaml or of the recipe in tuning.py.
"""

import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from c_classification.teacher.embedding import base_checkpoint, course_of
from c_classification.teacher.label_adapter.shipped import ADAPTER, CONFIG, MADE, WEIGHTS
from c_classification.teacher.tuning import train_adapter
from common.config.settings import ROOT, load_settings
from common.errors import TriageError
from common.labels import load_labels
from common.log import configure_logging
from common.stage.files import sha256_of, write_atomically

logger = logging.getLogger("c_classification.teacher.label_adapter")


def main() -> int:
    """Train from the command line; returns the exit code."""
    configure_logging()
    chosen = load_settings(profile="sample").settings.classification
    try:
        base = base_checkpoint(chosen, cache=ROOT / ".cache")
        course = course_of(chosen, load_labels(ROOT / "conf" / "labels.yaml"))
        with tempfile.TemporaryDirectory() as folder:
            train_adapter(base, course, Path(folder))
            for name in (ADAPTER, CONFIG):
                shutil.copyfile(Path(folder) / name, WEIGHTS / name)
    except TriageError as error:
        logger.error("%s", error)
        return 1
    made = {
        "course_sha256": course.sha256,
        "base_sha256": sha256_of(base / "model.safetensors"),
        "adapter_sha256": sha256_of(WEIGHTS / ADAPTER),
    }
    write_atomically(WEIGHTS / MADE, json.dumps(made, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
