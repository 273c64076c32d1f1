"""The search for training settings: section `tuning`."""

from typing import Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from common.config.section import Section
from common.config.training import TrainingSettings


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
