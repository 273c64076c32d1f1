"""The lint of a labels file: its wording, and what texts the labels get.

Takes a label schema and a sample of data/curated; makes findings and a table.
Imported by nobody: `python -m c_classification.check` runs it.
"""
