"""metrics.json of a model folder: what training measured, typed, and read here alone.

``read_served`` gives what serving must know, also of a model that an older version trained;
``read_metrics`` gives all of it.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from common.errors import DataError
from common.models.reference import Reference
from common.models.registry import METRICS, MODEL_INT8, model_folder, production_id
from common.models.verdict import Check
from common.stage.manifest import Manifest, RowCounts
from common.text import TextRules

Interval = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class ServedMetrics(_Part):
    """What a server must know of its model.

    max_length: tokens that are read; temperature: divides the logits; abstain_threshold: the
    confidence below which no label is named; both are fitted to the file that serves.
    reference: None for a model that an older version trained. cut_mail: whether quotes and
    signatures were cut from the texts that trained it.
    """

    max_length: int = Field(ge=2)
    temperature: float = Field(gt=0)
    abstain_threshold: float = Field(ge=0, le=1)
    labels_sha256: str
    text_rules_sha256: str
    cut_mail: bool = False
    served: str = MODEL_INT8
    reference: Reference | None = None

    @property
    def text_rules(self) -> TextRules:
        """How the model's texts are made natural."""
        return TextRules(cut_mail=self.cut_mail)


class ReliabilityBin(_Part):
    """Texts whose confidence lies in (low, high]; means over them."""

    low: float
    high: float
    texts: int
    confidence: float
    accuracy: float


class HeldOutMetrics(_Part):
    """The served student on held-out texts, against the teacher's labels: agreement, no accuracy.

    Lists follow the schema; confusion has the teacher's label down and the student's across.
    expected_calibration_error: of confidence against agreement with the teacher's best label.
    languages: texts by ISO 639 code, those of unknown language left out.
    answers: all texts by the teacher's best label (down) and the label that the student named
    (across, the last: none); empty for a model that an older version trained.
    """

    texts: int
    texts_labeled_by_teacher: int
    teacher_agreement: float
    teacher_agreement_interval_95: Interval
    macro_f1: float
    macro_f1_interval_95: Interval
    soft_cross_entropy: float
    expected_calibration_error: float
    coverage: float
    teacher_coverage: float
    f1: tuple[float, ...]
    f1_interval_95: tuple[Interval, ...]
    support: tuple[int, ...]
    confusion: tuple[tuple[int, ...], ...]
    answers: tuple[tuple[int, ...], ...] = ()
    reliability: tuple[ReliabilityBin, ...]
    languages: dict[str, int] = Field(default_factory=dict)


class Latency(_Part):
    """Of ``runs`` runs of ``batch`` texts of ``tokens`` tokens, on one thread."""

    batch: int
    tokens: int
    runs: int
    p50_ms: float
    p99_ms: float


class ExportMetrics(_Part):
    """One export, by its own calibration; ``file`` is None where it was not kept.

    agreement: with the checkpoint's labels; coverage: share of texts that it labels.
    """

    name: str
    file: str | None
    bytes: int
    agreement: float
    macro_f1: float
    calibration_error: float
    coverage: float
    temperature: float
    abstain_threshold: float
    latency: tuple[Latency, ...]


class Parity(_Part):
    """How far an export strays: largest difference of a probability, share of equal labels."""

    max_difference: float
    agreement: float


class Slice(_Part):
    """Agreement with the teacher on one kind of held-out text."""

    name: str
    texts: int
    agreement: float
    interval_95: Interval


class RowUse(_Part):
    """Distinct texts by use; ``human``: of those that train, labeled by people."""

    train: int
    validation: int
    test: int
    human: int


class LabelShares(_Part):
    """Share of each label, in schema order."""

    teacher_train: tuple[float, ...]
    teacher_held_out: tuple[float, ...]
    student_held_out: tuple[float, ...]


class Look(_Part):
    """One look at the validation rows; ``texts`` counts repeats, losses are in nats."""

    texts: int
    train_loss: float
    validation_loss: float


class TrainingMetrics(_Part):
    """How training went; ``kept`` is the look whose weights were kept."""

    seconds: float
    texts_per_second: float
    texts_seen: int
    stopped_early: bool
    kept: Look
    curve: tuple[Look, ...]


class Tuned(_Part):
    """The trial that training settings are from, of a study of ``finished`` trials."""

    study: str
    trial: int
    finished: int
    validation_loss: float
    values: dict[str, Any]


class StageRecord(_Part):
    """What an earlier stage said of the data."""

    created_at: datetime
    key: str
    rows: RowCounts
    figures: dict[str, Any]

    @classmethod
    def of(cls, manifest: Manifest) -> "StageRecord":
        """The part of a manifest that a card needs."""
        return cls.model_validate(manifest.model_dump(include=set(cls.model_fields)))


class ModelMetrics(ServedMetrics):
    """All of metrics.json.

    model_id: of the folder; data: the earlier stages, as far back as each was made from the one
    before; classification: that section of the settings; exports and int8_checks: what decided
    which file serves.
    """

    model_id: str = Field(validation_alias=AliasChoices("model_id", "experiment_id"))
    created_at: datetime
    commit: str
    student: str
    teacher: str
    source: str
    tuning: Tuned | None = None
    labels: tuple[str, ...]
    synthetic_messages: int
    precision: str
    device: str
    cpu_flags: tuple[str, ...]
    rows: RowUse
    teacher_abstained_share: float
    label_shares: LabelShares
    training: TrainingMetrics
    held_out: HeldOutMetrics
    slices: dict[str, tuple[Slice, ...]]
    exports: tuple[ExportMetrics, ...]
    parity: dict[str, Parity]
    int8_checks: tuple[Check, ...]
    data: dict[str, StageRecord]
    classification: dict[str, Any]


M = TypeVar("M", bound=ServedMetrics)


def read_metrics(folder: Path) -> ModelMetrics:
    """All that training measured of the model in ``folder``.

    Raises:
        DataError: if the file is missing, damaged, or of an older version of this code.
    """
    return _read(folder, ModelMetrics)


def read_served(folder: Path) -> ServedMetrics:
    """What serving must know of the model in ``folder``.

    Raises:
        DataError: if the file is missing or lacks something of it.
    """
    return _read(folder, ServedMetrics)


def production_rules(models: Path) -> TextRules:
    """The text rules of the production model; where there is none, those for what is no mail.

    Raises:
        DataError: if the pointer or the model's metrics.json is damaged.
    """
    model_id = production_id(models)
    return read_served(model_folder(models, model_id)).text_rules if model_id else TextRules()


def write_metrics(folder: Path, metrics: ModelMetrics) -> None:
    """Write metrics.json into a model folder that is being built."""
    text = metrics.model_dump_json(indent=2)
    (folder / METRICS).write_text(text + "\n", encoding="utf-8")


def _read(folder: Path, model: type[M]) -> M:
    path = folder / METRICS
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore {folder}, or train anew") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise DataError(
            f"{path} lacks what this version of the code needs ({place}: {first['msg']}; "
            f"{error.error_count()} in all): it is damaged, or an older version wrote it; "
            "run `make train_model`"
        ) from None
