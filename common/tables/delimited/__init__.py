"""Delimited text: CSV and its relatives, from blocks of bytes to rows.

Takes a stream; makes rows and rejected records. The readers of common/tables import it.
"""
