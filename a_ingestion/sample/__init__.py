"""The sample source: invented support conversations in the shape of the Kaggle file twcs.csv.

Takes a number of rows and a seed; makes a CSV and labeled messages for evaluation.
Imported by sources.py, and run by `python -m a_ingestion.sample`; imports common.
"""

from a_ingestion.sample.writer import write_sample

__all__ = ["write_sample"]
