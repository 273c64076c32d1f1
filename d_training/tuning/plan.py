"""What names a study: the digest of labeled rows, checkpoint, code and what its trials share."""

from pathlib import Path

from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.labels import load_labels
from common.onnx.weights import checkpoint_files, checkpoint_folder
from common.stage.plan import Plan, plan_stage

CODE = ("d_training.tuning.trials",)  # what decides the output, with all that these import
# What may change without another model coming out.
NOT_DECIDING = {"snapshot_every_s", "tensorboard"}
# What may change besides without another trial coming out, which has no people's labels and exports
# nothing.
_NOT_IN_TRIALS = {
    "human_weight", "min_int8_agreement", "max_int8_loss", "max_int8_calibration_loss",
    "max_int8_coverage_change", "min_int8_speedup",
}  # fmt: skip


def start_checkpoint(training: TrainingSettings) -> Path:
    """The folder of the checkpoint that the student starts from."""
    return checkpoint_folder(training.student, revision=training.revision)


def study_plan(settings: Settings) -> Plan:
    """The plan whose key is the study's name.

    It counts what all trials of a study share, and how they are searched; so a study never mixes
    data, and more trials go on with the same one.
    """
    schema = load_labels(settings.labels)
    tuning = settings.tuning
    varied = NOT_DECIDING | _NOT_IN_TRIALS | set(tuning.searched)
    checkpoint = start_checkpoint(settings.training)
    return plan_stage(
        "tuning",
        code=CODE,
        settings={
            "training": settings.training.model_dump(mode="json", exclude=varied),
            "tuning": tuning.model_dump(mode="json", exclude={"trials"}),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.labeled, *checkpoint_files(checkpoint), *schema.synthetic_files],
    )
