"""Threads and brands: raw columns in, an index of source rows out (NumPy, in the driver).

Takes data/raw/messages; makes the index that the Spark job joins on source_row.
Imported by the stage and its job; imports texts for Arrow functions alone.
"""
