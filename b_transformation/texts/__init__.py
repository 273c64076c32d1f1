"""Columns of texts and times as Spark functions of Arrow batches.

Takes raw columns; makes natural and clean text, language, timestamps.
Imported by the job and by threading; imports common alone.
"""
