"""Stage a: settings of section `ingestion`."""

from typing import Literal

from pydantic import Field

from common.config.section import FilePath, Section


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
    csv: FilePath | None = Field(None, description="CSV or CSV.gz of source csv")
    text_column: str = Field(
        "text", min_length=1, description="column of the message, or several: subject,description"
    )
    id_column: str | None = Field(
        None, description="column of ids; null: tweet_id where there is one; none: row numbers"
    )
    date_column: str | None = Field(
        None, description="column of dates; null: created_at where there is one; none: no dates"
    )
    brand_column: str | None = Field(
        None, description="column of the brand written to; null or none: brands by the threads"
    )
    inbound_column: str | None = Field(
        None, description="column that tells customers; null: inbound if there; none: all are"
    )
    date_order: Literal["dmy", "mdy"] | None = Field(
        None, description="of dates as 05/06/2024; null: decided over the column"
    )
    encoding: str | None = Field(None, description="of the file, as cp1252; null: found in it")
    delimiter: str | None = Field(None, description="between fields; null: found in the file")
    sheet: str | None = Field(None, description="sheet of a workbook; null: the first")
    append: bool = Field(
        False, description="add rows with new ids to data/raw, instead of replacing it"
    )
    sample_rows: int = Field(20_000, ge=1, description="rows that the generator writes")
    sample_seed: int = Field(7, description="seed of the generator")
    max_field_mb: int = Field(1, ge=1, le=64, description="longest field in MB; longer: quarantine")
    kaggle: KaggleSettings = KaggleSettings()
    huggingface: HuggingFaceSettings = HuggingFaceSettings()

    @property
    def optional_columns(self) -> dict[str, str | None]:
        """Names of the columns that a source may lack, by setting."""
        return {
            "id_column": self.id_column,
            "date_column": self.date_column,
            "brand_column": self.brand_column,
            "inbound_column": self.inbound_column,
        }
