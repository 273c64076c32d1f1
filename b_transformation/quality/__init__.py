"""What was written, and whether it may go on.

Takes data/curated; makes figures of it, checks, reports/quality.json.
Imported by the stage alone; imports columns and common.
"""
