"""What the teacher, or the labels' wording alone, says of a labeled CSV.

Takes a CSV; makes a Parquet file of answers, one row a record.
Imported by nobody: `make evaluate` runs its two commands.
"""
