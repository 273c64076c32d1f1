"""Encodings: from the bytes of a text file to UTF-8, and which encoding they are in.

Takes a file's stream; makes bytes in UTF-8. The readers of CSV in common/tables import it.
"""
