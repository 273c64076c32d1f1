"""What names an experiment and a study: digests of labeled rows, checkpoint, settings and code."""

from pathlib import Path

from common.config.schema import Settings
from common.labels import load_labels
from common.onnx.weights import checkpoint_files, checkpoint_folder
from common.stage.plan import Plan, plan_stage
from d_training.data.feedback import Feedback

# What may change without another model coming out.
_NOT_DECIDING = {"snapshot_every_s", "tensorboard"}
# What may change besides without another trial coming out, which has no people's labels and exports
# nothing.
_NOT_IN_TRIALS = {
    "human_weight", "min_int8_agreement", "max_int8_loss", "max_int8_calibration_loss",
    "max_int8_coverage_change", "min_int8_speedup",
}  # fmt: skip


def start_checkpoint(settings: Settings) -> Path:
    """The folder of the checkpoint that the student starts from."""
    return checkpoint_folder(settings.training.student, revision=settings.training.revision)


def experiment_plan(settings: Settings, checkpoint: Path, feedback: Feedback | None) -> Plan:
    """The plan whose key is the experiment's id; people's labels are counted among its inputs."""
    schema = load_labels(settings.labels)
    plan = plan_stage(
        "d_training",
        packages=["d_training"],
        settings={
            "training": settings.training.model_dump(mode="json", exclude=_NOT_DECIDING),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[
            settings.paths.labeled,
            *checkpoint_files(checkpoint),
            *schema.synthetic_files,
        ],
    )
    return plan if feedback is None else plan._replace(inputs=(*plan.inputs, feedback.record))


def study_plan(settings: Settings, checkpoint: Path) -> Plan:
    """The plan whose key is the study's name.

    It counts what all trials of a study share, and how they are searched; so a study never mixes
    data, and more trials go on with the same one.
    """
    schema = load_labels(settings.labels)
    tuning = settings.tuning
    varied = _NOT_DECIDING | _NOT_IN_TRIALS | set(tuning.searched)
    return plan_stage(
        "tuning",
        packages=["d_training"],
        settings={
            "training": settings.training.model_dump(mode="json", exclude=varied),
            "tuning": tuning.model_dump(mode="json", exclude={"trials"}),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[
            settings.paths.labeled,
            *checkpoint_files(checkpoint),
            *schema.synthetic_files,
        ],
    )
