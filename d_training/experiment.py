"""An experiment: all that a training needs, resolved once from the settings.

Its id is the digest of labeled rows, people's labels, checkpoint, settings and code, so the same
training never runs twice.
"""

from common.config.schema import Settings
from common.labels import load_labels
from common.models.metrics import Tuned
from common.onnx.device import choose_device
from common.onnx.weights import checkpoint_files
from common.stage.manifest import require_manifest
from common.stage.plan import Plan, plan_stage
from d_training.data.feedback import find_feedback
from d_training.tuning.plan import NOT_DECIDING, start_checkpoint, study_plan
from d_training.tuning.study import find_best, with_values

CODE = ("d_training.build",)  # what decides the output, with all that these import


class Experiment:
    """One training, the same in all processes that take part.

    feedback: labels that people gave, None where there are none; tuned: the trial that ``training``
    is from; place: where it computes; classification: the settings that the cards show.
    """

    def __init__(self, settings: Settings, *, tuned: bool) -> None:
        """Resolve settings and the data that lies there now.

        Args:
            settings: the command's.
            tuned: take training settings from the best trial on the same data.

        Raises:
            SettingsError: if the labels file or the checkpoint's name can't be used.
            DataError: if data/labeled or the checkpoint is missing, or no trial has finished.
        """
        self.paths, self.seed = settings.paths, settings.seed
        require_manifest(self.paths.labeled, made_by="classify")
        self.place = choose_device(settings.device)
        self.labels_file = settings.labels
        self.classification = settings.classification.on(self.place.device)
        self.training = settings.training
        self.tuned: Tuned | None = None
        if tuned:
            self.tuned = find_best(self.paths.studies, study_plan(settings).key)
            self.training = with_values(settings.training, self.tuned.values)
        self.schema = load_labels(settings.labels)
        self.checkpoint = start_checkpoint(self.training)
        self.feedback = find_feedback(settings, self.schema)
        self.plan = self._plan()

    @property
    def model_id(self) -> str:
        """Twelve hex digits."""
        return self.plan.key

    def _plan(self) -> Plan:
        inputs = [*checkpoint_files(self.checkpoint), *self.schema.synthetic_files]
        plan = plan_stage(
            "d_training",
            code=CODE,
            settings={
                "training": self.training.model_dump(mode="json", exclude=NOT_DECIDING),
                "seed": self.seed,
                "labels": self.schema.sha256,
            },
            inputs=[self.paths.labeled, *inputs],
        )
        if self.feedback is None:
            return plan
        return plan._replace(inputs=(*plan.inputs, self.feedback.record))
