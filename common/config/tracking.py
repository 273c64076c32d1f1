"""MLflow: settings of section `tracking`."""

from pydantic import Field, SecretStr

from common.config.section import Section


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
