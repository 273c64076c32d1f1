"""Labeled rows as the student sees them.

Takes data/labeled and the store; makes training, validation and test rows.
Imported by every other room; imports common alone.
"""
