"""Threads and brands: typed columns in, an index of source rows out (NumPy, in the driver).

Takes the columns of data/raw/messages; makes the index that the Spark job joins on source_row.
Imported by the stage and its job; imports columns, and texts for Arrow functions.
"""
