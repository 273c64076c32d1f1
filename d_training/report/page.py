"""One page about a run: RUN_DIR -> reports/index.html, self-contained.

Its stages, scores, pictures and gate, and its model among the earlier ones. It can be made at any
time: what is not there yet is named, with the command that makes it. It holds no message.
"""

import base64
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.config.schema import Settings
from common.models.evaluation import find_evaluation
from common.models.journal import read_journal
from common.models.label_mix import find_label_mix
from common.models.registry import PLOTS, POINTER, cards_folder, serving_id
from common.models.verdict import find_verdict
from common.runtime.page import render
from common.stage.files import read_json, write_atomically
from d_training.report.parts import list_models, list_stages
from d_training.tuning.report import read_summary

REPORT = "index.html"
TEMPLATE = Path(__file__).resolve().parent / "page.html"
_JOURNAL_LINES = 10
_PICTURES = {
    "confusion_matrix": "Labels of student and teacher",
    "label_distribution": "How often each label occurs",
    "learning_curve": "Learning curve",
    "reliability": "What a confidence is worth, by the teacher",
    "reliability_gold": "What a confidence is worth, by people's labels",
    "coverage_gold": "Accuracy of what is answered",
    "hand_labels": "How many hand labels it is worth",
}
_STUDY_PICTURES = {
    "history.png": "Validation loss by trial",
    "importance.png": "Which settings mattered",
}
logger = logging.getLogger("d_training.report.page")


def write_report(settings: Settings) -> Path:
    """Write the page and return its path.

    Whatever is missing or damaged in the run folder is told on the page.
    """
    started = time.monotonic()
    paths = settings.paths
    target = paths.reports / REPORT
    models = list_models(paths)
    newest = models[0] if models else None
    evaluation = find_evaluation(paths.reports)
    pictures = sorted(paths.reports.glob("*.png")) if evaluation else []
    if newest:
        pictures = [
            *sorted((cards_folder(paths.models, newest.id) / PLOTS).glob("*.png")),
            *pictures,
        ]
    study = read_summary(settings)
    serving, mix = serving_id(paths.models), find_label_mix(paths.reports)
    values: dict[str, Any] = {
        "run_dir": str(settings.run_dir.resolve()),
        "created_at": datetime.now(UTC),
        "stages": list_stages(paths, newest),
        "quality": read_json(paths.reports / "quality.json"),
        "models": models,
        "newest": newest,
        "metrics": newest.metrics if newest else None,
        "serving": serving,
        "mix": mix if mix and mix.model_id == serving else None,
        "pointer_damaged": (paths.models / POINTER).exists() and serving is None,
        "verdict": find_verdict(paths.models, newest.id) if newest else None,
        "evaluation": evaluation,
        "scores": list(evaluation.systems.items()) if evaluation else [],
        "journal": read_journal(paths.models)[: -_JOURNAL_LINES - 1 : -1],
        "pictures": [(_caption(path), _inlined(path)) for path in pictures],
        "study": study,
        "study_pictures": [
            (caption, _inlined(paths.tuning / name))
            for name, caption in _STUDY_PICTURES.items()
            if study and (paths.tuning / name).is_file()
        ],
        "labels_page": (paths.reports / "labels.html").is_file(),
    }
    write_atomically(target, render(TEMPLATE, values, filters={}))
    logger.info("%s: %d models, %.1f s", target, len(models), time.monotonic() - started)
    return target


def _caption(picture: Path) -> str:
    return _PICTURES.get(picture.stem, picture.stem.replace("_", " "))


def _inlined(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
