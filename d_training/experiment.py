"""An experiment: all that a training needs, resolved once from the settings.

Its id is the digest of labeled rows, people's labels, checkpoint, settings and code, so the same
training never runs twice.
"""

from dataclasses import dataclass
from pathlib import Path

from common.config.classification import ClassificationSettings
from common.config.paths import Paths
from common.config.schema import Settings
from common.config.training import TrainingSettings
from common.labels import LabelSchema, load_labels
from common.models.metrics import Tuned
from common.onnx.weights import checkpoint_files
from common.stage.plan import Plan, plan_stage
from d_training.data.feedback import Feedback, find_feedback
from d_training.tuning.plan import NOT_DECIDING, start_checkpoint, study_plan
from d_training.tuning.study import find_best, with_values

CODE = ("d_training.build",)  # what decides the output, with all that these import


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
    tuned: Tuned | None
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
    best = find_best(settings.paths.studies, study_plan(settings).key) if tuned else None
    training = with_values(settings.training, best.values) if best else settings.training
    schema = load_labels(settings.labels)
    checkpoint = start_checkpoint(training)
    feedback = find_feedback(settings, schema)
    plan = plan_stage(
        "d_training",
        code=CODE,
        settings={
            "training": training.model_dump(mode="json", exclude=NOT_DECIDING),
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
