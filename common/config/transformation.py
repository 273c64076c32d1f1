"""Stage b: settings of section `transformation`."""

from typing import Any, Literal

from pydantic import Field, field_validator

from common.config.section import Section

CutMail = Literal["auto", "on", "off"]


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
    cut_mail: CutMail = Field(
        "auto",
        description="cut quoted mails and signatures; auto: where 5 % of the texts look like mail",
    )
    detect_language: bool = Field(True, description="fill the lang column")
    quality: QualitySettings = QualitySettings()

    @field_validator("cut_mail", mode="before")
    @classmethod
    def _as_words(cls, value: Any) -> Any:
        """YAML takes on and off for true and false."""
        return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
