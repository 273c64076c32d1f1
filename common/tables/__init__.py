"""The one way in which this project reads a table.

Takes CSV files; makes records, or rejects with their reasons.
Imported by ingestion, classification, training and serving; imports errors alone.
"""
