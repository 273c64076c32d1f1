"""The Kaggle source: credentials, a download that can be cut and resumed, a checked archive.

Takes the name of a data set and credentials; makes its one CSV in RUN_DIR/.cache.
Imported by sources.py alone; imports common.
"""

from a_ingestion.kaggle.source import fetch_member

__all__ = ["fetch_member"]
