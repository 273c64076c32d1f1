"""An experiment: all that a training needs, resolved once from the settings; and what names it.

Its id is the digest of labeled rows, people's labels, checkpoint, settings and code, so the same
training never runs twice. A study's name is that of what all its trials share.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.config.classification import ClassificationSettings
from common.config.paths import Paths
from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.labels import LabelSchema, load_labels
from common.onnx.weights import checkpoint_files, checkpoint_folder
from common.stage.plan import Plan, plan_stage
from d_training.data.feedback import Feedback, find_feedback

if TYPE_CHECKING:
    from d_training.tuning.study import Best

# What may change without another model coming out.
_NOT_DECIDING = {"snapshot_every_s", "tensorboard"}
# What may change besides without another trial coming out, which has no people's labels and exports
# nothing.
_NOT_IN_TRIALS = {"human_weight", "min_int8_agreement", "max_int8_loss", "min_int8_speedup"}


@dataclass(frozen=True)
class Experiment:
    """One training, the same in all processes that take part.

    feedback: labels that people gave, None where there are none; tuned: the trial that ``training``
    is from; classification: the settings that the cards show.
    """

    plan: Plan
    training: TrainingSettings
    seed: int
    schema: LabelSchema
    labels_file: Path
    checkpoint: Path
    feedback: Feedback | None
    tuned: "Best | None"
    classification: ClassificationSettings
    paths: Paths

    @property
    def model_id(self) -> str:
        """Twelve hex digits."""
        return self.plan.key


def resolve(settings: Settings, *, tuned: bool) -> Experiment:
    """The experiment of the settings and of the data that lies there now.

    Args:
        settings: the command's.
        tuned: take training settings from the best trial on the same data.

    Raises:
        SettingsError: if the labels file or the checkpoint's name can't be used.
        DataError: if data/labeled or the checkpoint is missing, or no trial has finished.
    """
    from d_training.tuning.study import find_best

    best = find_best(settings) if tuned else None
    training = settings.training if best is None else best.applied(settings.training)
    schema = load_labels(settings.labels)
    checkpoint = start_checkpoint(training)
    feedback = find_feedback(settings, schema)
    plan = plan_stage(
        "d_training",
        code=["d_training.build"],
        settings={
            "training": training.model_dump(mode="json", exclude=_NOT_DECIDING),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.labeled, *checkpoint_files(checkpoint), *schema.synthetic_files],
    )
    if feedback is not None:
        plan = plan._replace(inputs=(*plan.inputs, feedback.record))
    return Experiment(
        plan=plan,
        training=training,
        seed=settings.seed,
        schema=schema,
        labels_file=settings.labels,
        checkpoint=checkpoint,
        feedback=feedback,
        tuned=best,
        classification=settings.classification,
        paths=settings.paths,
    )


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
    varied = _NOT_DECIDING | _NOT_IN_TRIALS | set(tuning.searched)
    checkpoint = start_checkpoint(settings.training)
    return plan_stage(
        "tuning",
        code=["d_training.tuning.trials"],
        settings={
            "training": settings.training.model_dump(mode="json", exclude=varied),
            "tuning": tuning.model_dump(mode="json", exclude={"trials"}),
            "seed": settings.seed,
            "labels": schema.sha256,
        },
        inputs=[settings.paths.labeled, *checkpoint_files(checkpoint), *schema.synthetic_files],
    )
