"""All settings: one section a stage, with ranges and units in the fields."""

import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from common.config.classification import ClassificationSettings
from common.config.gate import GateSettings
from common.config.ingestion import IngestionSettings
from common.config.paths import Paths
from common.config.scoring import ScoringSettings
from common.config.section import FilePath, Section, is_address
from common.config.serving import ServingSettings
from common.config.spark import SparkSettings
from common.config.store import StoreSettings
from common.config.tracking import TrackingSettings
from common.config.training import TrainingSettings
from common.config.transformation import TransformationSettings
from common.config.tuning import TuningSettings
from common.log import Log


class Settings(Section):
    """Everything; built once in a ``__main__`` and passed down."""

    profile: Literal["sample", "full"] = "sample"
    run_dir: FilePath = Field(Path(), description="folder of data/, models/ and reports/")
    labels: FilePath = Field(Path("conf/labels.yaml"), description="the label schema")
    log: Log = Field(
        "normal",
        description="quiet: errors and summary; normal: stages, warnings, progress; verbose: all",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="of labeling, tuning and training; auto: a GPU where torch finds one, else cpu",
    )
    seed: int = Field(17, ge=0, description="seed of sampling, splitting and training")
    spark: SparkSettings = SparkSettings()
    ingestion: IngestionSettings = IngestionSettings()
    transformation: TransformationSettings = TransformationSettings()
    classification: ClassificationSettings = ClassificationSettings()
    training: TrainingSettings = TrainingSettings()
    tuning: TuningSettings = TuningSettings()
    gate: GateSettings = GateSettings()
    serving: ServingSettings = ServingSettings()
    scoring: ScoringSettings = ScoringSettings()
    store: StoreSettings = StoreSettings()
    tracking: TrackingSettings = TrackingSettings()

    @field_validator("run_dir", mode="before")
    @classmethod
    def _on_a_disk(cls, run_dir: Any) -> Any:
        if is_address(run_dir):
            raise ValueError(
                "must be a folder, on a disk that all machines mount where a cluster runs; only "
                "score reads and writes addresses: CSV=s3a://… OUT=s3a://…"
            )
        return run_dir

    @property
    def paths(self) -> Paths:
        """Where this run keeps its files."""
        return Paths(self.run_dir)

    @property
    def served_models(self) -> Path:
        """The folder of models that serving reads; model_source.py fills that of MLflow."""
        registry = self.serving.model_source == "registry"
        return self.paths.registry if registry else self.paths.models

    @cached_property
    def pipeline(self) -> str:
        """Names the run of the chain that this command is part of; its own where it runs alone."""
        now = datetime.now(UTC)
        return self.tracking.pipeline or f"run-{now:%Y%m%d-%H%M%S}-{os.getpid()}"
