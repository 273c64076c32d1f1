"""The promotion gate: settings of section `gate`."""

from pydantic import Field

from common.config.section import FilePath, Section


class GateSettings(Section):
    """What a new model must show before it serves; d_training/gate measures it.

    The limits lie well outside what models trained on some thousand texts came to: they catch what
    went wrong.
    """

    gold: FilePath | None = Field(
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
