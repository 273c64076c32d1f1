"""The Kaggle source: credentials, a download that can be cut and resumed, and a checked archive."""

from a_ingestion.kaggle.source import fetch_member

__all__ = ["fetch_member"]
