"""Writing: rows as delimited text, and which cells a spreadsheet would run.

Takes rows; makes lines. Ingestion, bulk scoring and whatever writes a table import it.
"""
