"""What the promotion gate found about a model: models/verdicts/<model_id>.json.

It lies beside the model folders, not inside: those never change, and a model may be judged again.
"""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
)

from common.stage.files import write_atomically

FOLDER = "verdicts"


class Check(BaseModel):
    """One figure held against its limit; what is not a number fails."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: float | None
    rule: Literal["at least", "at most"]
    limit: float

    @computed_field  # type: ignore[prop-decorator]  # the way that pydantic documents
    @property
    def passed(self) -> bool:
        """Whether the value keeps to the limit."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.rule == "at least" else self.value <= self.limit

    @property
    def shown(self) -> str:
        """The value: counts, whose limits are whole numbers above 1, without decimals."""
        if self.value is None:
            return "none"
        is_count = self.limit > 1 and self.limit.is_integer() and self.value.is_integer()
        return f"{self.value:.0f}" if is_count else f"{self.value:.3f}"


class Verdict(BaseModel):
    """The gate's answer for one model, against the one that served then.

    key: digest of what decided it; against: the production model it was to replace, None where
    there was none; rows: what it was measured on; notes: what a reader should know of the rows.
    int8: what training found about INT8; where one failed, float32 is judged and serves instead.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_id: str = Field(validation_alias=AliasChoices("model_id", "experiment_id"))
    against: str | None
    judged_at: datetime
    key: str
    rows: str
    notes: tuple[str, ...]
    figures: dict[str, float | None]
    checks: tuple[Check, ...]
    int8: tuple[Check, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # the way that pydantic documents
    @property
    def promote(self) -> bool:
        """Whether every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Failed checks, in words."""
        return tuple(
            f"{c.name} is {'no number' if c.value is None else c.shown}, "
            f"{c.rule} {c.limit:g} is asked for"
            for c in self.checks
            if not c.passed
        )


def verdict_path(models: Path, model_id: str) -> Path:
    """Where the verdict on a model lies."""
    return models / FOLDER / f"{model_id}.json"


def write_verdict(models: Path, verdict: Verdict) -> None:
    """Write it so that a reader sees the old one or the new one."""
    path = verdict_path(models, verdict.model_id)
    write_atomically(path, verdict.model_dump_json(indent=2) + "\n")


def find_verdict(models: Path, model_id: str) -> Verdict | None:
    """The verdict on a model, or None where it was never judged, or the file is damaged."""
    try:
        return Verdict.model_validate_json(verdict_path(models, model_id).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
