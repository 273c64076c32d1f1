"""reports/evaluation.json: systems against people's labels, typed, and read here alone."""

from datetime import datetime
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from common.models.metrics import Interval, ReliabilityBin

EVALUATION = "evaluation.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class LabelScores(_Part):
    """One label; a ratio whose denominator is 0 counts as 0. support: texts that have it."""

    precision: float
    recall: float
    f1: float
    support: int


class Scores(_Part):
    """A system's best label for every text, also where it abstained."""

    accuracy: float
    macro_f1: float
    macro_f1_interval_95: Interval
    per_label: dict[str, LabelScores]


class CoveragePoint(_Part):
    """The texts of highest confidence, down to ``threshold``: their share, their accuracy."""

    coverage: float
    threshold: float
    accuracy: float


class SystemScores(Scores):
    """A system with confidences.

    coverage: share of texts that it answered; accuracy_at_coverage: its accuracy on those;
    accuracy_at_70: on the 70 % that it is surest of. reliability holds the bins that have texts.
    answers: texts by their label (down) and the label that it named (across, the last: none).
    """

    coverage: float
    accuracy_at_coverage: float | None
    accuracy_at_70: float
    expected_calibration_error: float
    coverage_curve: tuple[CoveragePoint, ...]
    reliability: tuple[ReliabilityBin, ...]
    answers: tuple[tuple[int, ...], ...] = ()


class GoldFile(_Part):
    """The labeled file; left_out: rows without text or label, by reason."""

    file: str
    texts: int
    left_out: dict[str, int]
    generated: bool


class Int8Comparison(_Part):
    """INT8 against float32 on the same texts."""

    float32_macro_f1: float
    int8_macro_f1: float
    difference: float
    equal_labels: float


class Unseen(_Part):
    """The texts that training did not use, labels aside; None where there are none."""

    texts: int
    teacher_macro_f1: float | None
    student_macro_f1: float | None


class HandLabelPoint(_Part):
    """Mean macro-F1 of ``repeats`` trainings on so many hand labels."""

    labels: int
    repeats: int
    macro_f1: float
    standard_deviation: float


class HandLabels(_Part):
    """worth: the fewest hand labels that reach the student's macro-F1; None: none of the sizes."""

    method: str
    worth: int | None
    points: tuple[HandLabelPoint, ...]


class Evaluation(_Part):
    """All of evaluation.json; ``key`` is the digest of what it was made from."""

    key: str
    created_at: datetime
    model_id: str = Field(validation_alias=AliasChoices("model_id", "model"))
    labels: tuple[str, ...]
    gold: GoldFile
    teacher: SystemScores
    student: SystemScores
    baselines: dict[str, Scores]
    served: str
    int8: Int8Comparison
    unseen: Unseen
    hand_labels: HandLabels | None

    @property
    def systems(self) -> dict[str, Scores]:
        """All by name: baselines, then teacher and student."""
        return {**self.baselines, "teacher": self.teacher, "student": self.student}


def find_evaluation(reports: Path) -> Evaluation | None:
    """The last evaluation; None where there is none, or one that this code cannot read."""
    try:
        return Evaluation.model_validate_json((reports / EVALUATION).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
