"""The `sample` source: invented support conversations in the shape of the Kaggle file twcs.csv."""

from a_ingestion.sample.writer import write_sample

__all__ = ["write_sample"]
