"""Formats: which kind of table a file holds, and the reading of JSONL, Parquet and .xlsx.

Takes a file; makes entries or blocks of rows. The readers of common/tables import it.
"""
